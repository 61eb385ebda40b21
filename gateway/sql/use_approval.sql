-- Use an approval: once, in time, for just what was approved, by whom it was approved for.
UPDATE gateway.approvals SET used_at = %(now)s
WHERE command_id = %(command_id)s AND decision = 'approved' AND used_at IS NULL AND expires_at > %(now)s
    AND key_id = %(key_id)s AND fingerprint = %(fingerprint)s
RETURNING command_id
