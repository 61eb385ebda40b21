-- Deliveries beyond the first of each event, stored events whose id was stored before, what was refused,
-- outages, and the position of the next event.
SELECT (SELECT count(*) FROM log.redeliveries)
         + (SELECT coalesce(sum(deliveries), 0) FROM intake.redelivery_counts)::bigint AS duplicate_deliveries,
       (SELECT count(event_id) - count(DISTINCT event_id) FROM log.events) AS id_conflicts,
       (SELECT coalesce(sum(refused), 0) FROM intake.rejection_counts)::bigint AS rejected,
       (SELECT count(*) FROM log.events WHERE source = 'system' AND event_type = 'ingest.outage') AS outages,
       (SELECT coalesce(max(position) + 1, 0) FROM log.events) AS position
