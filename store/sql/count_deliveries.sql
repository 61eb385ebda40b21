-- Deliveries beyond the first of each event, stored events whose id was stored before, what was refused,
-- outages, and the position of the next event; of events below a position (null: of all).
SELECT (SELECT count(*) FROM log.redeliveries WHERE %(end)s::bigint IS NULL OR position < %(end)s::bigint)
         + (SELECT coalesce(sum(deliveries), 0) FROM intake.redelivery_counts
            WHERE %(end)s::bigint IS NULL OR position < %(end)s::bigint)::bigint AS duplicate_deliveries,
       (SELECT count(event_id) - count(DISTINCT event_id) FROM log.events
        WHERE %(end)s::bigint IS NULL OR position < %(end)s::bigint) AS id_conflicts,
       (SELECT coalesce(sum(refused), 0) FROM intake.rejection_counts)::bigint AS rejected,
       (SELECT count(*) FROM log.events WHERE source = 'system' AND event_type = 'ingest.outage'
        AND (%(end)s::bigint IS NULL OR position < %(end)s::bigint)) AS outages,
       (SELECT coalesce(max(position) + 1, 0) FROM log.events) AS position
