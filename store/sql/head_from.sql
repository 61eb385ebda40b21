-- The position of the next event, where one at a known position is there already (0 while the log is empty).
SELECT coalesce(max(position) + 1, 0) FROM log.events WHERE position >= %(known)s
