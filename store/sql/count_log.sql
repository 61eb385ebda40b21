-- What the log holds, by type: whoever knows the types reads the rest from it.
SELECT event_type, quarantined IS NOT NULL AS quarantined, count(*) AS stored
FROM log.events
GROUP BY 1, 2
