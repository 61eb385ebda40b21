CREATE SCHEMA reports;

CREATE TABLE reports.schedules (
    schedule text NOT NULL,
    report text NOT NULL,
    cron text NOT NULL,
    zone text NOT NULL,
    period text NOT NULL,
    by text,                            -- null: what the report usually gives
    formats text[] NOT NULL,
    destination text NOT NULL,          -- a folder or an object store's URL, without credentials
    created_at timestamptz NOT NULL,
    paused_at timestamptz,
    planned_until timestamptz NOT NULL, -- every due time up to then has its row in reports.runs
    next_due_at timestamptz,            -- the first one after that; null: there is none
    CONSTRAINT schedule_known_once PRIMARY KEY (schedule)
);

CREATE TABLE reports.runs (
    schedule text NOT NULL,
    due_at timestamptz NOT NULL,
    report text NOT NULL,
    period_from date NOT NULL,
    period_to date NOT NULL,            -- the day after the last one
    state text NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,        -- from when it may be taken: also a run that its worker left by dying
    log_position bigint,                -- what the run is pinned to by its first attempt, so that another one
    as_of timestamptz,                  -- gives the same files
    evidence json,                      -- json, not jsonb: in the order in which it stands above the figures
    started_at timestamptz,
    finished_at timestamptz,
    reason text,                        -- why the last attempt failed, or nothing will be attempted
    detail text,
    manifest_sha256 text,
    files text[] NOT NULL DEFAULT '{}',
    CONSTRAINT due_time_run_once PRIMARY KEY (schedule, due_at),
    CONSTRAINT state_known CHECK (state IN ('due', 'running', 'delivered', 'failed', 'given_up', 'skipped')),
    CONSTRAINT what_waits_has_its_time
        CHECK ((next_attempt_at IS NOT NULL) = (state IN ('due', 'running', 'failed'))),
    CONSTRAINT what_was_delivered_has_its_manifest CHECK ((manifest_sha256 IS NOT NULL) = (state = 'delivered')),
    CONSTRAINT what_was_not_delivered_says_why
        CHECK (reason IS NOT NULL OR state IN ('due', 'running', 'delivered'))
);
CREATE INDEX runs_to_take ON reports.runs (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX runs_given_up ON reports.runs (finished_at) WHERE state = 'given_up';

-- How schedules stand, for whoever watches: late also while no worker is there to notice.
CREATE VIEW reports.standing AS
SELECT
    least(
        (SELECT min(next_due_at) FROM reports.schedules WHERE paused_at IS NULL),
        (SELECT min(due_at) FROM reports.runs JOIN reports.schedules USING (schedule)
         WHERE paused_at IS NULL AND next_attempt_at IS NOT NULL)
    ) AS waiting_since,
    (SELECT count(*) FROM reports.runs WHERE next_attempt_at IS NOT NULL AND state = 'failed') AS failed,
    (SELECT count(*) FROM reports.runs WHERE state = 'given_up' AND finished_at > now() - interval '1 day') AS given_up;

COMMENT ON SCHEMA reports IS 'Schedules of reports, and what became of each run.';
COMMENT ON TABLE reports.schedules IS 'One row a schedule: a report over a period that moves with the day, when it is due, in which formats and where to.';
COMMENT ON TABLE reports.runs IS 'One row a due time of a schedule: whether it was delivered, with which manifest, or why not.';
COMMENT ON COLUMN reports.runs.state IS 'due; running; delivered; failed: tried again at next_attempt_at; given_up; skipped: by an earlier version, where too many due times were missed.';
COMMENT ON VIEW reports.standing IS 'Since when the oldest due time waits (in the future: none does), how many runs failed and are tried again, how many were given up in the last day.';

GRANT USAGE ON SCHEMA reports TO @ingest@, @worker@, @analyst@, @auditor@;
GRANT SELECT, INSERT, UPDATE, DELETE ON reports.schedules TO @worker@;
GRANT SELECT, INSERT, UPDATE ON reports.runs TO @worker@;
GRANT SELECT ON reports.schedules, reports.runs TO @analyst@, @auditor@;
GRANT SELECT ON reports.standing TO @ingest@, @worker@, @analyst@, @auditor@;
