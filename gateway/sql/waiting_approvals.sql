-- Commands that wait for a second person, the oldest first.
SELECT command_id::text, key_id, action, call_control_id, actor, purpose, asked_at, expires_at, decision, decided_by,
    used_at
FROM gateway.approvals
WHERE decision IS NULL AND expires_at > %(now)s
ORDER BY asked_at, command_id
LIMIT 200
