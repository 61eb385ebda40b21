-- Keep full tiles; those that are there already (made before a checkpoint that never came) stay.
INSERT INTO log.tiles (level, index, hashes)
SELECT level, index, hashes
FROM unnest(%(levels)s::smallint[], %(indices)s::bigint[], %(hashes)s::bytea[]) AS made (level, index, hashes)
ON CONFLICT (level, index) DO NOTHING
