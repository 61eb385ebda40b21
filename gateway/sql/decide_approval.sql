-- Decide, once, in time, and not for oneself.
UPDATE gateway.approvals
SET decision = %(decision)s, decided_by = %(actor)s, decided_key_id = %(key_id)s, decided_at = %(now)s
WHERE command_id = %(command_id)s AND decision IS NULL AND expires_at > %(now)s
    AND key_id <> %(key_id)s AND actor <> %(actor)s
RETURNING command_id
