-- Claim a command by a name; nothing: another one has it, and counts still. A first request takes it over.
INSERT INTO gateway.claims AS known (name, fingerprint, command_id, claimed_at, expires_at)
VALUES (%(name)s, %(fingerprint)s, %(command_id)s, %(now)s, %(expires_at)s)
ON CONFLICT (name) DO UPDATE
SET fingerprint = excluded.fingerprint, command_id = excluded.command_id, claimed_at = excluded.claimed_at,
    expires_at = excluded.expires_at, answer_sealed = NULL
WHERE known.expires_at <= %(now)s OR %(anew)s
RETURNING command_id
