-- A command that waits or waited for a second person.
SELECT command_id::text, key_id, action, call_control_id, actor, purpose, asked_at, expires_at, decision, decided_by,
    used_at
FROM gateway.approvals
WHERE command_id = %(command_id)s
