-- When the latest of the events below a position was received; what was spooled, or refused at first, was received
-- before its neighbours.
SELECT max(received_at) FROM log.events WHERE position < %(end)s::bigint
