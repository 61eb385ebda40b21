-- Forget what nobody can ask for any more.
DELETE FROM gateway.claims WHERE expires_at <= %(now)s
