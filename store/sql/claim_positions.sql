-- Give the next positions to the keys that are new, in the order given; known keys get none.
-- %(hint)s is any position known to be stored (or 0): it lets the planner look at the last partition alone.
INSERT INTO log.event_keys (occurred_us, key, position)
SELECT new.occurred_us, new.key, head.next + row_number() OVER (ORDER BY new.n) - 1
FROM (SELECT coalesce(max(position) + 1, 0) AS next FROM log.events WHERE position >= %(hint)s::bigint) AS head,
     (SELECT *
      FROM unnest(%(occurred_us)s::bigint[], %(keys)s::bytea[]) WITH ORDINALITY AS given (occurred_us, key, n)
      WHERE NOT EXISTS (SELECT FROM log.event_keys AS known
                        WHERE known.occurred_us = given.occurred_us AND known.key = given.key)) AS new
RETURNING occurred_us, key, position
