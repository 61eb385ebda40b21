-- What a presented key is compared with.
SELECT secret_hash, name, scopes, revoked_at IS NOT NULL AS revoked, actions, connections, purpose
FROM access.api_keys
WHERE key_id = %(key_id)s
