-- Which request brought the row: the same delivery may arrive twice, once by its commit and once by the spool. Null for
-- rows from before, and for what no request brought.
ALTER TABLE log.events ADD COLUMN delivery_id uuid;
ALTER TABLE log.redeliveries ADD COLUMN delivery_id uuid;

-- The program's own events are few, and some are looked for by themselves: outages, keys.
CREATE INDEX system_events ON log.events (position) WHERE source = 'system';

-- What no honest writer stores, and what would blind whoever verifies: positions that no event has, and instants that no
-- calendar has.
ALTER TABLE log.event_keys ADD CONSTRAINT position_from_zero CHECK (position >= 0);
ALTER TABLE log.redeliveries ADD CONSTRAINT position_from_zero CHECK (position >= 0);
ALTER TABLE log.events ADD CONSTRAINT instants_are_in_the_calendar
    CHECK (received_at BETWEEN '0001-01-01Z' AND '9999-12-31Z' AND occurred_at BETWEEN '0001-01-01Z' AND '9999-12-31Z');

-- Full tiles of the Merkle tree (C2SP tlog-tiles): 256 hashes each. Partial ones are computed from these and the rows.
CREATE TABLE log.tiles (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hashes bytea NOT NULL,
    CONSTRAINT tile_made_once PRIMARY KEY (level, index),
    CONSTRAINT tile_is_full CHECK (octet_length(hashes) = 8192)
);

-- Signed tree heads (C2SP tlog-checkpoint, signed notes); the note is what is signed, the rest is for finding it.
CREATE TABLE log.checkpoints (
    checkpoint_id bigint GENERATED ALWAYS AS IDENTITY,  -- in the order of sealing: a continued log may be smaller again
    size bigint NOT NULL,                   -- positions 0 to size - 1 are under its root
    origin text NOT NULL,
    note text NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT checkpoint_numbered_once PRIMARY KEY (checkpoint_id),
    CONSTRAINT size_sealed_once UNIQUE (origin, size),
    CONSTRAINT size_from_zero CHECK (size >= 0)
);
CREATE INDEX checkpoints_by_time ON log.checkpoints (sealed_at);

-- Holds no row. Whoever holds its lock is the one sealer; see store/sql/take_seal_turn.sql for the anomaly that prevents.
CREATE TABLE log.seal_turn ();

SELECT log.make_append_only('log.tiles');
SELECT log.make_append_only('log.checkpoints');
SELECT log.make_append_only('log.seal_turn');

-- Who is alive, and when webhooks could be taken: one row for each stretch of time in which a process did its duty
-- (ingest: could answer 200, by whichever path).
CREATE TABLE intake.heartbeats (
    process uuid NOT NULL,
    duty text NOT NULL,
    since timestamptz NOT NULL,
    alive_at timestamptz NOT NULL,          -- the stretch lasted at least until then
    oldest_waiting timestamptz,             -- received_at of the oldest event that waits: answered 200 but not appended,
                                            -- not projected, not sealed
    position bigint,                        -- the first position not projected or sealed yet
    stopped boolean NOT NULL DEFAULT false, -- it said that it stops, with nothing left behind
    CONSTRAINT stretch_begins_once PRIMARY KEY (process, duty, since),
    CONSTRAINT duty_known CHECK (duty IN ('ingest', 'project', 'seal')),
    CONSTRAINT stretch_ends_after_it_begins CHECK (alive_at >= since),
    CONSTRAINT instants_are_in_the_calendar
        CHECK (since > '0001-01-01Z' AND alive_at < '9999-12-31Z' AND isfinite(coalesce(oldest_waiting, since)))
);

-- Exact bytes of a refused body with bearer URLs, encrypted: without them its signature could not be checked later.
ALTER TABLE intake.rejections ADD COLUMN sealed_body bytea;
ALTER TABLE intake.rejections ADD COLUMN readmitted_at timestamptz;

CREATE SCHEMA access;
-- Keys of the API. A key is shown once, when it is made; only the SHA-256 of its secret is kept.
CREATE TABLE access.api_keys (
    key_id text NOT NULL,
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT key_known_once PRIMARY KEY (key_id),
    CONSTRAINT secret_hash_is_sha256 CHECK (octet_length(secret_hash) = 32)
);
CREATE UNIQUE INDEX name_of_one_key_in_force ON access.api_keys (name) WHERE revoked_at IS NULL;

-- Says when a key was used last, to the minute: who checks keys may change nothing else of them.
CREATE FUNCTION access.note_use(used text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    UPDATE access.api_keys SET last_used_at = now()
    WHERE key_id = used AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
$body$;
REVOKE EXECUTE ON FUNCTION access.note_use FROM PUBLIC;

-- Appending needs a position, a leaf hash and who brought a row; bodies are for the worker and the auditor.
REVOKE SELECT ON log.events, log.redeliveries FROM @ingest@;
GRANT SELECT (position, leaf_hash, delivery_id) ON log.events TO @ingest@;
GRANT SELECT (position, delivery_id) ON log.redeliveries TO @ingest@;

GRANT SELECT ON log.tiles, log.checkpoints TO @ingest@, @worker@, @auditor@;
GRANT INSERT ON log.tiles, log.checkpoints TO @worker@;
-- LOCK TABLE asks for UPDATE; the trigger still refuses it.
GRANT SELECT, UPDATE ON log.seal_turn TO @worker@;
-- A stretch may grow; when it began, and whose it is, stays.
GRANT SELECT, INSERT, UPDATE (alive_at, oldest_waiting, position, stopped) ON intake.heartbeats TO @ingest@, @worker@;
GRANT SELECT ON intake.heartbeats TO @auditor@;
GRANT UPDATE (readmitted_at) ON intake.rejections TO @ingest@;

GRANT USAGE ON SCHEMA access TO @ingest@;
GRANT SELECT ON access.api_keys TO @ingest@;
GRANT EXECUTE ON FUNCTION access.note_use TO @ingest@;
