-- What became of each command is an event of the log too.
ALTER TABLE calls.commands ADD COLUMN recorded_state text, ADD COLUMN expires_at timestamptz;

-- The few commands that somebody must still see to, among all that ever were.
CREATE INDEX commands_unsettled ON calls.commands (requested_at)
    WHERE state = 'in_doubt' OR (state IN ('confirmed', 'expired') AND recorded_state IS DISTINCT FROM state);

COMMENT ON COLUMN calls.commands.recorded_state IS 'The state where the gateway has put it on record, else the furthest that it has.';
COMMENT ON COLUMN calls.commands.expires_at IS 'When it counts as expired if nothing comes; null where nothing is awaited.';
COMMENT ON COLUMN calls.commands.flags IS
    'accepted_by_call_events, call_unknown, contradictory_answers, never_sent, request_missing, unknown_values, unresolved.';
