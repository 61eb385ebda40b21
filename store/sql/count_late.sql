-- Webhooks below a position that were received long after they occurred.
SELECT count(*)
FROM log.events
WHERE position < %(end)s::bigint AND source = 'webhook'
  AND received_at > occurred_at + %(grace_us)s::bigint * interval '1 microsecond'
