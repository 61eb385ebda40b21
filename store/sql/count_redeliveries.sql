-- How many redeliveries of the given events are kept whole.
SELECT position, count(*) FROM log.redeliveries WHERE position = ANY(%(positions)s::bigint[]) GROUP BY position
