-- Checkpoints of a log that are larger than a size, the smallest first.
SELECT note
FROM log.checkpoints
WHERE origin = %(origin)s AND size > %(size)s::bigint
ORDER BY size
LIMIT %(limit)s
