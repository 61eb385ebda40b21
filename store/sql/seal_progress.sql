-- How far the log is sealed, since when, and when the first event that is not was received.
SELECT coalesce(last.size, 0) AS position, last.sealed_at,
       (SELECT received_at FROM log.events WHERE position = coalesce(last.size, 0)) AS oldest_waiting
FROM (SELECT) AS always
LEFT JOIN (SELECT size, sealed_at FROM log.checkpoints ORDER BY checkpoint_id DESC LIMIT 1) AS last ON true
