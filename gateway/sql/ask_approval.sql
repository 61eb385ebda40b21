-- A command waits for a second person.
INSERT INTO gateway.approvals (command_id, key_id, fingerprint, action, call_control_id, actor, purpose, asked_at,
    expires_at)
VALUES (%(command_id)s, %(key_id)s, %(fingerprint)s, %(action)s, %(call_control_id)s, %(actor)s, %(purpose)s, %(now)s,
    %(expires_at)s)
