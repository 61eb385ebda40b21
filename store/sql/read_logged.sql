-- What may be counted of a range of positions, in order: no bodies.
SELECT position, source, event_type, connection_id, quarantined, received_at, occurred_at, event_id
FROM log.events
WHERE position >= %(first)s::bigint AND position < %(end)s::bigint
ORDER BY position
