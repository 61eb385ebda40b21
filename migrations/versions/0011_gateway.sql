-- What a key may send through the gateway; null: all that its scopes allow.
ALTER TABLE access.api_keys
    ADD COLUMN actions text[],
    ADD COLUMN connections text[],
    ADD COLUMN purpose text;

CREATE SCHEMA gateway;

-- Commands that were sent, by what they are known again by. A name is a keyed hash: what it stands for may be a secret.
CREATE TABLE gateway.claims (
    name bytea NOT NULL,
    fingerprint bytea NOT NULL,
    command_id uuid NOT NULL,
    claimed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    answer_sealed bytea,                    -- encrypted; null: under way, or whoever sent it died
    CONSTRAINT claimed_once PRIMARY KEY (name),
    CONSTRAINT hashes_are_whole CHECK (octet_length(name) = 32 AND octet_length(fingerprint) = 32)
);
CREATE INDEX claims_of_command ON gateway.claims (command_id);
CREATE INDEX claims_by_end ON gateway.claims (expires_at);

-- Commands that wait for a second person, and what became of them.
CREATE TABLE gateway.approvals (
    command_id uuid NOT NULL,
    key_id text NOT NULL,
    fingerprint bytea NOT NULL,
    action text,
    call_control_id text,
    actor text NOT NULL,
    purpose text,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    decision text,
    decided_by text,
    decided_key_id text,
    decided_at timestamptz,
    used_at timestamptz,
    CONSTRAINT asked_once PRIMARY KEY (command_id),
    CONSTRAINT decision_known CHECK (decision IN ('approved', 'denied')),
    CONSTRAINT nobody_approves_their_own CHECK (decided_key_id <> key_id AND decided_by <> actor),
    CONSTRAINT decided_whole
        CHECK (num_nonnulls(decision, decided_by, decided_key_id, decided_at) IN (0, 4)),
    CONSTRAINT used_when_approved CHECK (used_at IS NULL OR decision = 'approved')
);
CREATE INDEX approvals_that_wait ON gateway.approvals (asked_at) WHERE decision IS NULL;

-- Which connection a call is of decides whether a key that is limited may send a command for it. Nothing else of calls
-- is open to who takes webhooks.
CREATE INDEX legs_by_control_id ON calls.call_legs (call_control_id);
CREATE FUNCTION gateway.connection_of(control_id text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    SELECT connection_id FROM calls.call_legs WHERE call_control_id = control_id AND connection_id IS NOT NULL LIMIT 1
$body$;
REVOKE EXECUTE ON FUNCTION gateway.connection_of FROM PUBLIC;

-- The gateway runs where webhooks are taken.
GRANT USAGE ON SCHEMA gateway TO @ingest@;
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.claims TO @ingest@;
GRANT SELECT, INSERT ON gateway.approvals TO @ingest@;
GRANT UPDATE (decision, decided_by, decided_key_id, decided_at, used_at) ON gateway.approvals TO @ingest@;
GRANT EXECUTE ON FUNCTION gateway.connection_of TO @ingest@;
