-- Commands in doubt whose leg is known, and all of their kind on that leg that may have been done, in order of time.
SELECT command_id, call_leg_id, call_control_id, action, state, outcome, sent_at, confirmed_at, expires_at, flags
FROM calls.commands AS command
WHERE sent_at IS NOT NULL
    AND state <> 'refused'
    AND (call_session_id, call_leg_id, action) IN (
        SELECT call_session_id, call_leg_id, action
        FROM calls.commands
        WHERE state = 'in_doubt' AND call_leg_id IS NOT NULL
        ORDER BY requested_at
        LIMIT 100
    )
ORDER BY call_leg_id, action, sent_at, command_id
