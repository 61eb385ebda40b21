CREATE SCHEMA log;
CREATE SCHEMA intake;

-- Why rows stay as they are: grants give nobody UPDATE, DELETE or TRUNCATE on evidence, and this refuses them to
-- those who have them anyway, the owner included. Statement level, so that it speaks up also where no row matches.
CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: the log is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$body$;

CREATE FUNCTION log.make_append_only(relation regclass) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
         FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change()', relation);
    -- ALWAYS: also under session_replication_role = replica.
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', relation);
END
$body$;

CREATE TABLE log.events (
    position bigint NOT NULL,               -- gapless from 0, in commit order
    event_id text,
    data_hash bytea NOT NULL,               -- SHA-256 of the canonical data, after masking
    source text NOT NULL,
    event_type text,                        -- as sent, aliases included
    occurred_at timestamptz,                -- the provider's clock
    received_at timestamptz NOT NULL,       -- ours
    call_session_id text,
    call_leg_id text,
    call_control_id text,
    connection_id text,
    body bytea NOT NULL,                    -- as received, but for what is masked
    signed_timestamp text,
    signature bytea,
    key_id text,
    quarantined text,                       -- why, or null
    masked boolean NOT NULL,
    sealed_body bytea,                      -- exact bytes of a body with bearer URLs, encrypted
    salt bytea NOT NULL,
    leaf_hash bytea NOT NULL,
    CONSTRAINT position_taken_once PRIMARY KEY (position),
    CONSTRAINT position_from_zero CHECK (position >= 0),
    CONSTRAINT source_known CHECK (source IN ('webhook', 'gateway', 'backfill', 'system')),
    CONSTRAINT hashes_are_sha256 CHECK (octet_length(data_hash) = 32 AND octet_length(leaf_hash) = 32)
) PARTITION BY RANGE (position);

-- Time leads the key, so that the index grows at one end: a random key cost 5.7 KB of WAL a row at ten million
-- events, this one 243 bytes.
CREATE TABLE log.event_keys (
    occurred_us bigint NOT NULL,            -- 0 where the event gives no time
    key bytea NOT NULL,                     -- 16 bytes of SHA-256 over event id and data hash
    position bigint NOT NULL,
    CONSTRAINT event_seen_once PRIMARY KEY (occurred_us, key)
);

CREATE TABLE log.redeliveries (
    redelivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position bigint NOT NULL,               -- of the event that was delivered again
    received_at timestamptz NOT NULL,
    attempt integer,
    body bytea NOT NULL,
    signed_timestamp text,
    signature bytea,
    key_id text,
    masked boolean NOT NULL,
    sealed_body bytea
);
CREATE INDEX redeliveries_of_event ON log.redeliveries (position);

-- Holds no row. Whoever holds its lock is the one writer; see store/sql/take_append_turn.sql for the anomaly that prevents.
CREATE TABLE log.append_turn ();

SELECT log.make_append_only('log.events');
SELECT log.make_append_only('log.event_keys');
SELECT log.make_append_only('log.redeliveries');
SELECT log.make_append_only('log.append_turn');

CREATE FUNCTION log.partition_positions() RETURNS bigint LANGUAGE sql IMMUTABLE
    RETURN @partition_positions@::bigint;

-- Keeps partitions for positions up to (not including) the end of the second one beyond `upto`, and returns the
-- first position without one. CREATE LIKE, then ATTACH: CREATE ... PARTITION OF waits behind readers and then
-- blocks inserts. The CHECK spares ATTACH its scan. One maker at a time, by the lock that ATTACH takes anyway:
-- an advisory lock could be held by any role, an analyst's too.
CREATE FUNCTION log.ensure_partitions(upto bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    size bigint := log.partition_positions();
    number bigint;
    name text;
BEGIN
    -- Nobody needs partitions far beyond the head, and each costs every later plan a little.
    upto := least(upto, (SELECT coalesce(max(position), 0) FROM log.events) + 8 * size + 100000);
    SELECT count(*) INTO number FROM pg_inherits WHERE inhparent = 'log.events'::regclass;
    IF number > upto / size + 2 THEN
        RETURN number * size;
    END IF;
    LOCK TABLE ONLY log.events IN SHARE UPDATE EXCLUSIVE MODE;
    SELECT count(*) INTO number FROM pg_inherits WHERE inhparent = 'log.events'::regclass;
    WHILE number <= upto / size + 2 LOOP
        name := format('events_%s', lpad(number::text, 6, '0'));
        EXECUTE format('CREATE TABLE log.%I (LIKE log.events INCLUDING ALL)', name);
        EXECUTE format('ALTER TABLE log.%I ADD CONSTRAINT %I CHECK (position >= %s AND position < %s)',
                       name, name || '_range', number * size, (number + 1) * size);
        PERFORM log.make_append_only(format('log.%I', name)::regclass);
        EXECUTE format('ALTER TABLE log.events ATTACH PARTITION log.%I FOR VALUES FROM (%s) TO (%s)',
                       name, number * size, (number + 1) * size);
        number := number + 1;
    END LOOP;
    RETURN number * size;
END
$body$;
REVOKE EXECUTE ON FUNCTION log.ensure_partitions FROM PUBLIC;
SELECT log.ensure_partitions(0);

-- What was refused at the door. Not part of the log: bounded, and pruned after days by intake.prune() alone.
CREATE TABLE intake.rejections (
    rejection_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    remote_address text NOT NULL,
    reason text NOT NULL,
    body bytea,                             -- masked; null beyond the quota or where it held something guessable
    body_bytes bigint NOT NULL,
    content_type text,
    signed_timestamp text,
    signature text
);
CREATE INDEX rejections_by_time ON intake.rejections (received_at);

-- Every refusal is counted here, also those whose row or bytes no longer fit the quota.
CREATE TABLE intake.rejection_counts (
    utc_day date NOT NULL,
    reason text NOT NULL,
    remote_address text NOT NULL,           -- 'other' once a day has seen too many addresses
    refused bigint NOT NULL,
    kept bigint NOT NULL,
    kept_bytes bigint NOT NULL,
    PRIMARY KEY (utc_day, reason, remote_address)
);

-- Redeliveries of one event beyond the twenty that are kept whole.
CREATE TABLE intake.redelivery_counts (
    position bigint PRIMARY KEY,
    deliveries bigint NOT NULL
);

CREATE FUNCTION intake.prune(before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE pruned bigint;
BEGIN
    DELETE FROM intake.rejections WHERE received_at < before;
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$body$;
REVOKE EXECUTE ON FUNCTION intake.prune FROM PUBLIC;

GRANT USAGE ON SCHEMA log TO @ingest@, @worker@, @auditor@;
GRANT SELECT, INSERT ON log.events, log.event_keys, log.redeliveries TO @ingest@, @worker@;
-- LOCK TABLE asks for UPDATE; the trigger still refuses it.
GRANT SELECT, UPDATE ON log.append_turn TO @ingest@, @worker@;
GRANT EXECUTE ON FUNCTION log.ensure_partitions TO @ingest@, @worker@;
GRANT SELECT ON log.events, log.event_keys, log.redeliveries, log.append_turn TO @auditor@;

GRANT USAGE ON SCHEMA intake TO @ingest@, @worker@, @auditor@;
GRANT SELECT, INSERT ON intake.rejections TO @ingest@;
GRANT SELECT, INSERT, UPDATE ON intake.rejection_counts, intake.redelivery_counts TO @ingest@, @worker@;
GRANT SELECT ON intake.rejections TO @worker@;
GRANT SELECT ON ALL TABLES IN SCHEMA intake TO @auditor@;
GRANT EXECUTE ON FUNCTION intake.prune TO @worker@;
