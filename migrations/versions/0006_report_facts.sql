-- The same instants as before, without numeric arithmetic: a day's time as a double is exact to the microsecond.
CREATE OR REPLACE FUNCTION facts.us(instant timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ((instant AT TIME ZONE 'UTC')::date - date '1970-01-01') * 86400000000
    + round(date_part('epoch', (instant AT TIME ZONE 'UTC')::time) * 1000000)::bigint;

-- Our side of a leg: called where it is incoming, calling where it is outgoing.
CREATE FUNCTION facts.number(direction text, from_number text, to_number text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE direction WHEN 'incoming' THEN to_number WHEN 'outgoing' THEN from_number END;

-- Arrays as JSON, so that every engine holds the same text.
CREATE FUNCTION facts.json(list anyarray) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT array_to_json(list)::text';

CREATE OR REPLACE VIEW facts.siprec_sessions AS
SELECT
    session.call_session_id,
    session.call_leg_id,
    session.seq,
    session.connection_id,
    facts.us(coalesce(session.started_at, session.ended_at)) AS at_us,
    facts.utc_day(coalesce(session.started_at, session.ended_at)) AS utc_day,
    facts.us(session.started_at) AS started_us,
    facts.us(session.ended_at) AS ended_us,
    session.status,
    session.duration_us,
    session.end_evidence,
    facts.raw_text(session.cause_raw) AS cause_raw,
    session.cause_form,
    session.cause_name,
    session.cause_fault_domain,
    session.finality,
    facts.number(leg.direction, leg.from_number, leg.to_number) AS number,
    facts.json(leg.tags) AS tags
FROM calls.siprec_sessions AS session
LEFT JOIN calls.call_legs AS leg USING (call_session_id, call_leg_id);

CREATE OR REPLACE VIEW facts.refer_attempts AS
SELECT
    attempt.call_session_id,
    attempt.call_leg_id,
    attempt.seq,
    attempt.connection_id,
    facts.us(coalesce(attempt.started_at, attempt.terminal_at)) AS at_us,
    facts.utc_day(coalesce(attempt.started_at, attempt.terminal_at)) AS utc_day,
    facts.us(attempt.started_at) AS started_us,
    facts.us(attempt.terminal_at) AS terminal_us,
    attempt.time_to_terminal_us,
    attempt.outcome,
    attempt.last_provisional,
    attempt.final_code,
    attempt.finality,
    facts.number(leg.direction, leg.from_number, leg.to_number) AS number,
    facts.json(leg.tags) AS tags
FROM calls.refer_attempts AS attempt
LEFT JOIN calls.call_legs AS leg USING (call_session_id, call_leg_id);

-- A leg of which neither answer nor hangup is known is placed by its initiation, else by the first that was heard of it,
-- so that each is in some day. Such legs are few: a join for all would take as long as the report.
CREATE FUNCTION facts.heard_at(session_id text, leg_id text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(
    (SELECT initiated_at FROM calls.call_legs WHERE call_session_id = session_id AND call_leg_id = leg_id),
    (SELECT min(occurred_at) FROM calls.timeline WHERE call_session_id = session_id AND call_leg_id = leg_id)
);

CREATE OR REPLACE VIEW facts.call_legs AS
SELECT
    call_session_id,
    call_leg_id,
    connection_id,
    direction,
    facts.us(coalesce(answered_at, initiated_at, hangup_at, facts.heard_at(call_session_id, call_leg_id))) AS at_us,
    facts.utc_day(coalesce(answered_at, initiated_at, hangup_at, facts.heard_at(call_session_id, call_leg_id)))
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

-- Where a leg stands in time, made once: a report of a million legs would make it three times a leg.
ALTER TABLE calls.coverage
    ADD COLUMN placed_us bigint GENERATED ALWAYS AS (facts.us(coalesce(answered_at, hangup_at))) STORED,
    ADD COLUMN placed_day integer GENERATED ALWAYS AS (facts.utc_day(coalesce(answered_at, hangup_at))) STORED,
    ADD COLUMN talk_ends_us bigint
        GENERATED ALWAYS AS (facts.us(coalesce(answered_at, hangup_at)) + answered_us) STORED;
CREATE INDEX coverage_by_place ON calls.coverage (placed_us);
CREATE INDEX coverage_by_end_of_talk ON calls.coverage (talk_ends_us);

CREATE VIEW facts.coverage AS
SELECT
    call_session_id,
    call_leg_id,
    connection_id,
    direction,
    number,
    facts.json(tags) AS tags,
    CASE
        WHEN placed_us IS NOT NULL THEN placed_us
        ELSE facts.us(facts.heard_at(call_session_id, call_leg_id))
    END AS at_us,
    CASE
        WHEN placed_day IS NOT NULL THEN placed_day
        ELSE facts.utc_day(facts.heard_at(call_session_id, call_leg_id))
    END AS utc_day,
    placed_us,
    talk_ends_us,
    facts.us(answered_at) AS answered_us,
    facts.us(hangup_at) AS hangup_us,
    policy_version,
    policy_rule,
    obligation,
    verdict,
    evidence_grade,
    answered_us AS talk_us,
    confirmed_us,
    inferred_us,
    unknown_us,
    uncovered_us,
    start_delay_ms,
    early_stop_ms,
    longest_gap_ms,
    recovery_ms,
    double_covered_us,
    over_recorded_us,
    CASE WHEN 'over_recorded' = ANY(flags) THEN 1 ELSE 0 END::bigint AS over_recorded,
    failed_attempts,
    unrecorded_evidence,
    track_evidence,
    facts.json(flags) AS flags,
    finality,
    facts.json(positions) AS positions
FROM calls.coverage;

-- Split at UTC midnight, so that a report can find the day by equality.
CREATE VIEW facts.coverage_spans AS
SELECT
    call_session_id,
    call_leg_id,
    seq,
    kind,
    utc_day,
    greatest(facts.us(started_at), utc_day * 86400000000) AS start_us,
    least(facts.us(ended_at), (utc_day + 1) * 86400000000) AS end_us
FROM calls.coverage_spans
CROSS JOIN LATERAL generate_series(
    facts.utc_day(started_at), facts.utc_day(ended_at - interval '1 microsecond')
) AS days (utc_day);

CREATE VIEW facts.timeline AS
SELECT
    call_session_id,
    call_leg_id,
    position,
    facts.us(received_at) AS at_us,
    facts.utc_day(received_at) AS utc_day,
    facts.us(occurred_at) AS occurred_us,
    facts.us(received_at) AS received_us,
    event_type,
    CASE WHEN 'semantic_duplicate' = ANY(flags) THEN 1 ELSE 0 END::bigint AS semantic_duplicate
FROM calls.timeline;

-- The log without bodies, signatures and hashes: what may be counted, by whoever may run reports.
CREATE VIEW facts.log_events AS
SELECT
    position,
    source,
    event_type,
    connection_id,
    quarantined,
    facts.us(received_at) AS at_us,
    facts.utc_day(received_at) AS utc_day,
    facts.us(occurred_at) AS occurred_us,
    facts.us(received_at) - facts.us(occurred_at) AS latency_us,
    -- Another event had this id before: other content under the same id.
    CASE WHEN count(event_id) OVER (PARTITION BY event_id ORDER BY position) > 1 THEN 1 ELSE 0 END::bigint
        AS repeats_id
FROM log.events
-- What is not registered yet is of a later position than the report's.
WHERE position < (SELECT position FROM calls.progress);

-- Beyond the redeliveries of an event that are kept whole only their number is known: they count with the event.
CREATE VIEW facts.redeliveries AS
SELECT position, facts.us(received_at) AS at_us, facts.utc_day(received_at) AS utc_day, 1::bigint AS deliveries
FROM log.redeliveries
WHERE position < (SELECT position FROM calls.progress)
UNION ALL
SELECT event.position, facts.us(event.received_at), facts.utc_day(event.received_at), counted.deliveries
FROM intake.redelivery_counts AS counted
JOIN log.events AS event USING (position)
WHERE position < (SELECT position FROM calls.progress);

-- What was refused is counted by UTC day: it stands at that day's noon.
CREATE VIEW facts.rejections AS
SELECT
    reason,
    (utc_day - date '1970-01-01') * 86400000000 + 43200000000 AS at_us,
    utc_day - date '1970-01-01' AS utc_day,
    sum(refused)::bigint AS refused
FROM intake.rejection_counts
GROUP BY reason, utc_day;

CREATE VIEW facts.outages AS
SELECT
    position,
    reason,
    utc_day,
    greatest(facts.us(began_at), utc_day * 86400000000) AS start_us,
    least(facts.us(ended_at), (utc_day + 1) * 86400000000) AS end_us,
    CASE WHEN utc_day = facts.utc_day(began_at) THEN 1 ELSE 0 END::bigint AS begins
FROM calls.outages
CROSS JOIN LATERAL generate_series(
    facts.utc_day(began_at), facts.utc_day(ended_at - interval '1 microsecond')
) AS days (utc_day)
WHERE began_at < ended_at;

-- No row until commands go through the gateway.
CREATE VIEW facts.commands AS
SELECT *
FROM (
    VALUES (
        ''::text, ''::text, ''::text, ''::text, ''::text, ''::text, ''::text, ''::text, ''::text,
        0::bigint, 0::bigint, 0, 0::bigint, 0::bigint, ''::text
    )
) AS nothing (
    command_id, call_session_id, call_leg_id, connection_id, action, actor, purpose, ticket, state,
    http_status, at_us, utc_day, answered_us, confirmed_us, positions
)
WHERE false;

COMMENT ON VIEW facts.coverage IS 'One row a leg, placed by its answer, else its hangup, else its initiation; placed_us is at_us unless by the initiation, and can be found by index. Lists are JSON.';
COMMENT ON VIEW facts.coverage_spans IS 'The spans of a leg''s talk time, split at UTC midnight.';
COMMENT ON VIEW facts.timeline IS 'Every event of a call, placed by when it was received.';
COMMENT ON VIEW facts.log_events IS 'Every event of the log without its body, placed by when it was received.';
COMMENT ON VIEW facts.redeliveries IS 'Deliveries beyond the first of each event.';
COMMENT ON VIEW facts.rejections IS 'What was refused, by reason and UTC day; placed at noon.';
COMMENT ON VIEW facts.outages IS 'Time in which nobody could take webhooks, split at UTC midnight; begins is 1 on the first piece.';
COMMENT ON VIEW facts.commands IS 'Commands and what came of them; none before commands go through the gateway.';

GRANT SELECT ON ALL TABLES IN SCHEMA facts TO @worker@, @analyst@, @auditor@;
