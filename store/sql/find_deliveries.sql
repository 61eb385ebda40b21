-- Which of the given deliveries the log has: as the one that brought the event, or beside it.
SELECT given.position, given.delivery_id
FROM unnest(%(positions)s::bigint[], %(deliveries)s::uuid[]) AS given (position, delivery_id)
WHERE EXISTS (SELECT FROM log.events AS stored
              WHERE stored.position = given.position AND stored.delivery_id = given.delivery_id)
   OR EXISTS (SELECT FROM log.redeliveries AS again
              WHERE again.position = given.position AND again.delivery_id = given.delivery_id)
