-- From when to when anybody said that webhooks could be taken; how many breaks there were in it, longer than a repeat of
-- the provider bridges; and since when something waits, or may wait, that no living process has. A break that has only just ended is
-- left out: another process may still say that it was there.
WITH stretch AS (
    SELECT since, alive_at,
           max(alive_at) OVER (ORDER BY since ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
    FROM intake.heartbeats
    WHERE duty = 'ingest' AND alive_at >= %(begins)s::timestamptz
), latest AS (
    SELECT DISTINCT ON (process) alive_at, oldest_waiting, stopped
    FROM intake.heartbeats
    WHERE duty = 'ingest'
    ORDER BY process, since DESC
)
SELECT min(since) AS begins, max(alive_at) AS ends,
       count(*) FILTER (WHERE since > covered_until + %(silent)s::interval AND since < now() - %(settled)s::interval)
           AS gaps,
       (SELECT min(coalesce(oldest_waiting, alive_at)) FROM latest
        WHERE alive_at < now() - %(silent)s::interval AND (oldest_waiting IS NOT NULL OR NOT stopped)) AS waiting_since
FROM stretch
