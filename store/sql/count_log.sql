-- What the log holds, by type: whoever knows the types reads the rest from it. What the program itself said is apart.
SELECT source = 'system' AS said_by_us, event_type, quarantined IS NOT NULL AS quarantined, count(*) AS stored
FROM log.events
GROUP BY 1, 2, 3
