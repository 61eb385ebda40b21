-- Revoke the key of an id, else the one in force of a name; one that is revoked already keeps its time.
UPDATE access.api_keys SET revoked_at = coalesce(revoked_at, now())
WHERE key_id = coalesce(
    (SELECT key_id FROM access.api_keys WHERE key_id = %(which)s),
    (SELECT key_id FROM access.api_keys WHERE name = %(which)s AND revoked_at IS NULL))
RETURNING key_id, name, scopes, created_at, revoked_at, last_used_at, actions, connections, purpose
