-- Full tiles of a range, in order.
SELECT index, hashes
FROM log.tiles
WHERE level = %(level)s::smallint AND index >= %(first)s::bigint AND index < %(end)s::bigint
ORDER BY index
