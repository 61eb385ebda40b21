-- What became so far of the command that has a name.
SELECT fingerprint, command_id::text, claimed_at, answer_sealed
FROM gateway.claims
WHERE name = %(name)s AND expires_at > %(now)s
