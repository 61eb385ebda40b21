-- Stretches of time in which no process could take webhooks: between the end of what is covered so far and the next
-- beginning. One that began less than %(before)s ago is left for later, and so is one that some process may have stood
-- in: it was alive until then, is silent, and has not said that it stopped.
WITH stretch AS (
    SELECT since, max(alive_at) OVER (ORDER BY since ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
    FROM intake.heartbeats
    WHERE duty = 'ingest'
), unheard AS (
    SELECT alive_at
    FROM (SELECT DISTINCT ON (process) alive_at, stopped
          FROM intake.heartbeats
          WHERE duty = 'ingest'
          ORDER BY process, since DESC) AS latest
    WHERE NOT stopped AND alive_at < %(silent_since)s
)
SELECT covered_until, since
FROM stretch
WHERE since > covered_until + %(shortest)s AND since < %(before)s
  AND NOT EXISTS (SELECT FROM unheard WHERE unheard.alive_at <= stretch.since)
ORDER BY since
