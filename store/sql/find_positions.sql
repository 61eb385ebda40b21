-- Where the given keys are stored.
SELECT known.occurred_us, known.key, known.position
FROM unnest(%(occurred_us)s::bigint[], %(keys)s::bytea[]) AS given (occurred_us, key)
JOIN log.event_keys AS known ON known.occurred_us = given.occurred_us AND known.key = given.key
