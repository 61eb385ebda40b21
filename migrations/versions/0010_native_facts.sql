-- What Telnyx recorded, or failed to; one that names no leg is of its whole session.
CREATE VIEW facts.native_recordings AS
SELECT
    call_session_id,
    call_leg_id,
    seq,
    facts.us(occurred_at) AS at_us,
    facts.utc_day(occurred_at) AS utc_day,
    status,
    reason
FROM calls.native_recordings;

-- As coverage is placed: by the answer, else the hangup, else the initiation (which heard_at looks at first).
CREATE OR REPLACE VIEW facts.call_legs AS
SELECT
    call_session_id,
    call_leg_id,
    connection_id,
    direction,
    facts.us(coalesce(answered_at, hangup_at, facts.heard_at(call_session_id, call_leg_id))) AS at_us,
    facts.utc_day(coalesce(answered_at, hangup_at, facts.heard_at(call_session_id, call_leg_id)))
        AS utc_day,
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
    finality,
    facts.number(direction, from_number, to_number) AS number,
    facts.json(tags) AS tags,
    from_number,
    to_number
FROM calls.call_legs;

COMMENT ON VIEW facts.native_recordings IS 'Recordings of Telnyx''s own, saved or failed, placed by the event that tells of each; without a leg: of the whole session.';

GRANT SELECT ON ALL TABLES IN SCHEMA facts TO @worker@, @analyst@, @auditor@;
