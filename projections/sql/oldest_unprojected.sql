-- When the oldest event was received that the read models may not show yet; no row: they show all there is.
SELECT received_at FROM log.events WHERE position = %(position)s::bigint
