-- What the log holds below a position (null: all of it), by type: whoever knows the types reads the rest from it. What
-- the program itself said is apart.
SELECT source IN ('system', 'gateway') AS said_by_us, event_type, quarantined IS NOT NULL AS quarantined, count(*) AS stored
FROM log.events
WHERE %(end)s::bigint IS NULL OR position < %(end)s::bigint
GROUP BY 1, 2, 3
