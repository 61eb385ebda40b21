-- What a presented key is compared with.
SELECT secret_hash, scopes, revoked_at IS NOT NULL AS revoked
FROM access.api_keys
WHERE key_id = %(key_id)s
