-- The keys of events from a position on, in the order of their positions.
SELECT position, occurred_us, key FROM log.event_keys WHERE position >= %(first)s::bigint ORDER BY position, occurred_us, key
