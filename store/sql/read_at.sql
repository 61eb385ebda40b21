-- Rows at given positions, in order.
SELECT position, source, received_at, body
FROM log.events
WHERE position = ANY(%(positions)s::bigint[])
ORDER BY position
