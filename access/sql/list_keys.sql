-- All keys, without the hashes of their secrets.
SELECT key_id, name, scopes, created_at, revoked_at, last_used_at, actions, connections, purpose
FROM access.api_keys
ORDER BY created_at, key_id
