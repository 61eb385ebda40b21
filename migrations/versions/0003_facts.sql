CREATE SCHEMA facts;

-- Through an interval, because extract(epoch FROM timestamptz) is only STABLE: this can be inlined and indexed.
CREATE FUNCTION facts.us(instant timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (extract(epoch FROM instant - timestamptz '1970-01-01 00:00:00+00') * 1000000)::bigint;

CREATE FUNCTION facts.utc_day(instant timestamptz) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (instant AT TIME ZONE 'UTC')::date - date '1970-01-01';

-- A scalar by its text, so that 17 and "17" are one value to an analyst; a number in its shortest form, because
-- what wrote the JSON chose how many zeros it has. The exact value stays in calls.siprec_sessions.
CREATE FUNCTION facts.raw_text(raw jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(raw)
    WHEN 'string' THEN raw #>> '{}'
    WHEN 'boolean' THEN raw #>> '{}'
    WHEN 'number' THEN trim_scale((raw #>> '{}')::numeric)::text
    WHEN 'array' THEN '[...]'
    WHEN 'object' THEN '{...}'
END;

CREATE VIEW facts.siprec_sessions AS
SELECT
    call_session_id,
    call_leg_id,
    seq,
    connection_id,
    facts.us(coalesce(started_at, ended_at)) AS at_us,
    facts.utc_day(coalesce(started_at, ended_at)) AS utc_day,
    facts.us(started_at) AS started_us,
    facts.us(ended_at) AS ended_us,
    status,
    duration_us,
    end_evidence,
    facts.raw_text(cause_raw) AS cause_raw,
    cause_form,
    cause_name,
    cause_fault_domain,
    finality
FROM calls.siprec_sessions;

CREATE VIEW facts.refer_attempts AS
SELECT
    call_session_id,
    call_leg_id,
    seq,
    connection_id,
    facts.us(coalesce(started_at, terminal_at)) AS at_us,
    facts.utc_day(coalesce(started_at, terminal_at)) AS utc_day,
    facts.us(started_at) AS started_us,
    facts.us(terminal_at) AS terminal_us,
    time_to_terminal_us,
    outcome,
    last_provisional,
    final_code,
    finality
FROM calls.refer_attempts;

CREATE VIEW facts.call_legs AS
SELECT
    call_session_id,
    call_leg_id,
    connection_id,
    direction,
    facts.us(coalesce(answered_at, initiated_at, hangup_at)) AS at_us,
    facts.utc_day(coalesce(answered_at, initiated_at, hangup_at)) AS utc_day,
    facts.us(initiated_at) AS initiated_us,
    facts.us(answered_at) AS answered_us,
    facts.us(hangup_at) AS hangup_us,
    status,
    answer_evidence,
    talk_us,
    hangup_cause,
    hangup_cause_name,
    hangup_cause_q850,
    hangup_source,
    sip_hangup_cause,
    finality
FROM calls.call_legs;

-- A session whose newest events wait for their fold holds the position back: what it says is in the figures, is.
CREATE VIEW facts.log_position AS
SELECT least(
    (SELECT position FROM calls.progress),
    (SELECT min(unfolded_position) FROM calls.reviews WHERE unfolded_position IS NOT NULL)
) AS position;

COMMENT ON SCHEMA facts IS 'What reports are asked of: bigint microseconds since 1970-01-01 UTC, counts and text. at_us is the instant that places a row in a day, utc_day the days from 1970-01-01 to it.';
COMMENT ON VIEW facts.siprec_sessions IS 'One row a SIPREC session or failed attempt, placed by its start, else its end.';
COMMENT ON VIEW facts.refer_attempts IS 'One row a REFER attempt, placed by its start, else its terminal event.';
COMMENT ON VIEW facts.call_legs IS 'One row a leg, placed by its answer, else its initiation, else its hangup.';
COMMENT ON VIEW facts.log_position IS 'Every event before this log position is in the facts; later ones may be.';

GRANT USAGE ON SCHEMA facts TO @worker@, @analyst@, @auditor@;
GRANT SELECT ON ALL TABLES IN SCHEMA facts TO @worker@, @analyst@, @auditor@;
