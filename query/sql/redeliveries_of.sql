-- Later deliveries of the given events, as far as they were kept.
SELECT position, received_at, attempt, signed_timestamp, key_id
FROM log.redeliveries
WHERE position = ANY(%(positions)s::bigint[])
ORDER BY position, redelivery_id
