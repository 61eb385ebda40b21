-- Events below a position that were received long after they occurred, but those of the program itself.
SELECT count(*)
FROM log.events
WHERE position < %(end)s::bigint AND source NOT IN ('system', 'gateway')
  AND received_at > occurred_at + %(grace_us)s::bigint * interval '1 microsecond'
