CREATE TABLE calls.coverage (
    call_session_id text NOT NULL,
    call_leg_id text NOT NULL,
    connection_id text,
    direction text,
    number text,
    tags text[] NOT NULL,
    answered_at timestamptz,
    hangup_at timestamptz,
    policy_version bigint NOT NULL,
    policy_rule text,
    obligation text NOT NULL,
    verdict text NOT NULL,
    evidence_grade text,
    answered_us bigint,
    answered_ms bigint,
    confirmed_us bigint,
    confirmed_ms bigint,
    inferred_us bigint,
    inferred_ms bigint,
    unknown_us bigint,
    unknown_ms bigint,
    uncovered_us bigint,
    uncovered_ms bigint,
    start_delay_us bigint,
    start_delay_ms bigint,
    early_stop_us bigint,
    early_stop_ms bigint,
    longest_gap_us bigint,
    longest_gap_ms bigint,
    recovery_us bigint,
    recovery_ms bigint,
    double_covered_us bigint,
    double_covered_ms bigint,
    over_recorded_us bigint,
    over_recorded_ms bigint,
    failed_attempts bigint NOT NULL,
    unrecorded_evidence text,
    track_evidence text,
    flags text[] NOT NULL,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    PRIMARY KEY (call_session_id, call_leg_id),
    CONSTRAINT obligation_known CHECK (obligation IN ('must_record', 'must_not_record', 'none')),
    CONSTRAINT verdict_known CHECK (verdict IN ('not_in_scope', 'not_eligible', 'pending', 'full', 'full_inferred',
        'partial_track', 'partial', 'unknown', 'unrecorded')),
    CONSTRAINT grade_known CHECK (evidence_grade IN ('A', 'B', 'C', 'D')),
    CONSTRAINT parts_add_up CHECK (confirmed_us + inferred_us + unknown_us + uncovered_us = answered_us),
    CONSTRAINT parts_are_all_there CHECK (num_nulls(confirmed_us, inferred_us, unknown_us, uncovered_us) IN (0, 4)),
    CONSTRAINT ms_is_us_rounded_down CHECK (
        answered_ms = answered_us / 1000 AND confirmed_ms = confirmed_us / 1000 AND inferred_ms = inferred_us / 1000
        AND unknown_ms = unknown_us / 1000 AND uncovered_ms = uncovered_us / 1000
    ),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);

CREATE TABLE calls.coverage_spans (
    call_session_id text NOT NULL,
    call_leg_id text NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    PRIMARY KEY (call_session_id, call_leg_id, seq),
    CONSTRAINT kind_known CHECK (kind IN ('confirmed', 'inferred', 'unknown', 'uncovered')),
    CONSTRAINT span_is_not_empty CHECK (started_at < ended_at),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);

CREATE TABLE calls.session_coverage (
    call_session_id text NOT NULL,
    legs bigint NOT NULL,
    conversation_us bigint,
    conversation_ms bigint,
    covered_us bigint,
    covered_ms bigint,
    flags text[] NOT NULL,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    PRIMARY KEY (call_session_id),
    CONSTRAINT covered_is_part_of_it CHECK (covered_us BETWEEN 0 AND conversation_us),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);

-- The four sets of 5.1, one row a leg that has any.
CREATE VIEW calls.coverage_sets AS
SELECT
    call_session_id,
    call_leg_id,
    coalesce(range_agg(span) FILTER (WHERE kind = 'confirmed'), '{}') AS confirmed,
    coalesce(range_agg(span) FILTER (WHERE kind = 'inferred'), '{}') AS inferred,
    coalesce(range_agg(span) FILTER (WHERE kind = 'unknown'), '{}') AS unknown,
    coalesce(range_agg(span) FILTER (WHERE kind = 'uncovered'), '{}') AS uncovered
FROM (
    SELECT call_session_id, call_leg_id, kind, tstzrange(started_at, ended_at) AS span FROM calls.coverage_spans
) AS spans
GROUP BY call_session_id, call_leg_id;

-- What the projector has read of the log beside calls: versions of the policy, and outages.
CREATE TABLE calls.policies (
    version bigint PRIMARY KEY,
    position bigint NOT NULL,
    in_force_at timestamptz NOT NULL,
    sha256 text NOT NULL,
    document text NOT NULL
);

CREATE TABLE calls.outages (
    position bigint PRIMARY KEY,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    reason text
);
CREATE INDEX outages_by_end ON calls.outages (ended_at);

COMMENT ON TABLE calls.coverage IS 'One row a leg: how much of its talk time was recorded, by what evidence, and what the policy makes of it.';
COMMENT ON TABLE calls.coverage_spans IS 'The talk time of each leg as spans: confirmed, inferred, unknown or uncovered, one after another.';
COMMENT ON TABLE calls.session_coverage IS 'One row a call session: how much of the conversation was recorded on any leg.';
COMMENT ON VIEW calls.coverage_sets IS 'The four sets of a leg''s talk time as tstzmultirange.';
COMMENT ON TABLE calls.policies IS 'Every version of the policy, from when it was in force. A call is judged by the one in force when it was answered.';
COMMENT ON TABLE calls.outages IS 'Time in which nobody could take webhooks: what is not known of it is unknown, not uncovered.';

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA calls TO @worker@;
GRANT SELECT ON ALL TABLES IN SCHEMA calls TO @analyst@, @auditor@;
