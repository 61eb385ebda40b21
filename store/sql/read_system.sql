-- The program's own events in a range of positions, in order.
SELECT position, source, received_at, body
FROM log.events
WHERE source = 'system' AND position >= %(first)s::bigint AND position < %(end)s::bigint
ORDER BY position
