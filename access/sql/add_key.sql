-- Keep a new key, of which only the hash of its secret is known.
INSERT INTO access.api_keys (key_id, name, secret_hash, scopes, created_at, actions, connections, purpose)
VALUES (%(key_id)s, %(name)s, %(secret_hash)s, %(scopes)s, now(), %(actions)s, %(connections)s, %(purpose)s)
RETURNING key_id, name, scopes, created_at, revoked_at, last_used_at, actions, connections, purpose
