CREATE SCHEMA calls;
-- Scratch tables of a rebuild; the worker's own.
CREATE SCHEMA rebuild;

CREATE TABLE calls.call_sessions (
    call_session_id text NOT NULL,
    legs bigint NOT NULL,
    answered_legs bigint NOT NULL,
    connection_id text,
    direction text,
    from_number text,
    to_number text,
    status text NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    events bigint NOT NULL,
    flags text[] NOT NULL,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    PRIMARY KEY (call_session_id),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);

CREATE TABLE calls.call_legs (
    call_session_id text NOT NULL,
    call_leg_id text NOT NULL,
    call_control_id text,
    connection_id text,
    direction text,
    from_number text,
    to_number text,
    status text NOT NULL,
    initiated_at timestamptz,
    answered_at timestamptz,
    bridged_at timestamptz,
    hangup_at timestamptz,
    answer_evidence text,
    talk_us bigint,
    talk_ms bigint,
    hangup_cause text,
    hangup_cause_name text,
    hangup_cause_q850 bigint,
    hangup_source text,
    sip_hangup_cause text,
    tags text[] NOT NULL,
    flags text[] NOT NULL,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    PRIMARY KEY (call_session_id, call_leg_id),
    CONSTRAINT talk_ms_is_us_rounded_down CHECK (talk_ms = talk_us / 1000),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);

CREATE TABLE calls.siprec_sessions (
    call_session_id text NOT NULL,
    call_leg_id text NOT NULL,
    seq bigint NOT NULL,
    connection_id text,
    status text NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    duration_us bigint,
    duration_ms bigint,
    end_evidence text,
    cause_raw jsonb,
    cause_form text,
    cause_namespace text,
    cause_name text,
    cause_q850 bigint,
    cause_fault_domain text,
    flags text[] NOT NULL,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    PRIMARY KEY (call_session_id, call_leg_id, seq),
    CONSTRAINT duration_ms_is_us_rounded_down CHECK (duration_ms = duration_us / 1000),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);

CREATE TABLE calls.refer_attempts (
    call_session_id text NOT NULL,
    call_leg_id text NOT NULL,
    seq bigint NOT NULL,
    connection_id text,
    started_at timestamptz,
    terminal_at timestamptz,
    time_to_terminal_us bigint,
    time_to_terminal_ms bigint,
    outcome text NOT NULL,
    last_provisional bigint,
    final_code bigint,
    flags text[] NOT NULL,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    PRIMARY KEY (call_session_id, call_leg_id, seq),
    CONSTRAINT time_to_terminal_ms_is_us_rounded_down CHECK (time_to_terminal_ms = time_to_terminal_us / 1000),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);

CREATE TABLE calls.native_recordings (
    call_session_id text NOT NULL,
    call_leg_id text,
    seq bigint NOT NULL,
    status text NOT NULL,
    occurred_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    channels text,
    reason text,
    flags text[] NOT NULL,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    UNIQUE NULLS NOT DISTINCT (call_session_id, call_leg_id, seq),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);

CREATE TABLE calls.dtmf (
    call_session_id text NOT NULL,
    call_leg_id text NOT NULL,
    seq bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    event_type text NOT NULL,
    digit_count bigint,
    status text,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    PRIMARY KEY (call_session_id, call_leg_id, seq),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);

CREATE TABLE calls.client_states (
    call_session_id text NOT NULL,
    call_leg_id text NOT NULL,
    seq bigint NOT NULL,
    first_seen_at timestamptz NOT NULL,
    value text,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    PRIMARY KEY (call_session_id, call_leg_id, seq),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);

CREATE TABLE calls.timeline (
    call_session_id text NOT NULL,
    seq bigint NOT NULL,
    position bigint NOT NULL,
    call_leg_id text,
    occurred_at timestamptz,
    received_at timestamptz NOT NULL,
    event_id text NOT NULL,
    event_type text NOT NULL,
    sentence text NOT NULL,
    flags text[] NOT NULL,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    PRIMARY KEY (call_session_id, position),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);

CREATE INDEX sessions_by_start ON calls.call_sessions (started_at);
CREATE INDEX legs_by_leg ON calls.call_legs (call_leg_id);
CREATE INDEX legs_by_answer ON calls.call_legs (answered_at);
CREATE INDEX siprec_by_start ON calls.siprec_sessions (started_at);
CREATE INDEX siprec_by_end ON calls.siprec_sessions (ended_at);
CREATE INDEX refers_by_start ON calls.refer_attempts (started_at);

-- How far the projector is: events before `position` are registered, and folded but for what `reviews` holds.
CREATE TABLE calls.progress (
    one boolean PRIMARY KEY DEFAULT true,
    position bigint NOT NULL,
    CONSTRAINT one_row CHECK (one)
);
INSERT INTO calls.progress (position) VALUES (0);

-- One index over many log partitions is slow (950 partitions: 42 ms and 2,855 locks a session); this one is not.
CREATE TABLE calls.session_events (
    call_session_id text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (call_session_id, position)
);

-- Events that name a leg but no session belong to the session that the leg's other events name.
CREATE TABLE calls.leg_sessions (
    call_leg_id text NOT NULL,
    call_session_id text NOT NULL,
    PRIMARY KEY (call_leg_id, call_session_id)
);

-- Those events, kept apart, so that a session that turns up later can take them over.
CREATE TABLE calls.sessionless_events (
    call_leg_id text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (call_leg_id, position)
);

-- Sessions to fold again: because time alone changes them, or (then with the first position not yet folded)
-- because their events came faster than one fold a second.
CREATE TABLE calls.reviews (
    call_session_id text PRIMARY KEY,
    due_at timestamptz NOT NULL,
    unfolded_position bigint
);
CREATE INDEX reviews_by_due ON calls.reviews (due_at);
CREATE INDEX reviews_unfolded ON calls.reviews (unfolded_position) WHERE unfolded_position IS NOT NULL;

COMMENT ON SCHEMA calls IS 'What happened on each call, folded from the log. Instants are UTC; *_us are microseconds, *_ms the same rounded down.';
COMMENT ON TABLE calls.call_sessions IS 'One row a call session: the legs that belong together.';
COMMENT ON TABLE calls.call_legs IS 'One row a leg: when it was initiated, answered and hung up, by what evidence.';
COMMENT ON TABLE calls.siprec_sessions IS 'One row a SIPREC session or failed attempt, inferred per leg: the webhooks carry no session id.';
COMMENT ON TABLE calls.refer_attempts IS 'One row a SIP REFER attempt and its outcome.';
COMMENT ON TABLE calls.native_recordings IS 'One row a Telnyx recording, saved or failed.';
COMMENT ON TABLE calls.dtmf IS 'Key presses: how many and when, never which.';
COMMENT ON TABLE calls.client_states IS 'Changes of a leg''s client_state (base64 as sent).';
COMMENT ON TABLE calls.timeline IS 'Every event of a call in order, with a sentence a person can read.';

GRANT USAGE ON SCHEMA calls TO @worker@, @analyst@, @auditor@;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA calls TO @worker@;
GRANT SELECT ON ALL TABLES IN SCHEMA calls TO @analyst@, @auditor@;
GRANT USAGE, CREATE ON SCHEMA rebuild TO @worker@;
