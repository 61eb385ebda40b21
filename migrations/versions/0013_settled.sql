-- What became of each command is an event of the log too.
ALTER TABLE calls.commands ADD COLUMN recorded_state text, ADD COLUMN expires_at timestamptz;

-- The few commands that somebody must still see to, among all that ever were.
CREATE INDEX commands_unsettled ON calls.commands (requested_at)
    WHERE state = 'in_doubt' OR (state IN ('confirmed', 'expired') AND recorded_state IS DISTINCT FROM state);

COMMENT ON COLUMN calls.commands.recorded_state IS 'The state where the gateway has put it on record, else the furthest that it has.';
COMMENT ON COLUMN calls.commands.expires_at IS 'When it counts as expired if nothing comes; null where nothing is awaited.';
COMMENT ON COLUMN calls.commands.flags IS
    'accepted_by_call_events, call_unknown, contradictory_answers, never_sent, request_missing, unknown_values, unresolved.';

CREATE OR REPLACE VIEW facts.commands AS
SELECT
    command_id,
    call_session_id,
    call_leg_id,
    connection_id,
    action,
    actor,
    purpose,
    ticket,
    state,
    http_status,
    facts.us(coalesce(requested_at, sent_at, answered_at)) AS at_us,
    facts.utc_day(coalesce(requested_at, sent_at, answered_at)) AS utc_day,
    facts.us(answered_at) AS answered_us,
    facts.us(confirmed_at) AS confirmed_us,
    facts.json(positions) AS positions,
    key_id,
    target,
    outcome,
    error_code,
    reason,
    refused_by,
    approved_by,
    repeats,
    facts.json(flags) AS flags,
    finality,
    facts.us(sent_at) AS sent_us
FROM calls.commands;
