-- Keep a checkpoint that was signed; one that is there already (its sealer died before it could say so) stays.
INSERT INTO log.checkpoints (size, origin, note, sealed_at)
VALUES (%(size)s, %(origin)s, %(note)s, %(sealed_at)s)
ON CONFLICT (origin, size) DO NOTHING
