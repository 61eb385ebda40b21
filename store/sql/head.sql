-- The last position, or -1 while the log is empty.
SELECT coalesce(max(position), -1) FROM log.events
