-- When the log was sealed at a size, for the first time.
SELECT min(sealed_at) FROM log.checkpoints WHERE size = %(size)s::bigint
