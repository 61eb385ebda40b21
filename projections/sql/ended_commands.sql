-- Commands that came to their end, which is not on record yet: the oldest first.
SELECT command_id, call_leg_id, call_control_id, action, state, outcome, sent_at, confirmed_at, expires_at, flags
FROM calls.commands
WHERE state IN ('confirmed', 'expired') AND recorded_state IS DISTINCT FROM state
ORDER BY requested_at, command_id
LIMIT 500
