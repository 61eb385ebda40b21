-- Stretches of time in which no process could take webhooks: between the end of what is covered so far and the next
-- beginning. A beginning younger than %(before)s is left for later: another process may still say that it was there.
SELECT covered_until, since
FROM (SELECT since,
             max(alive_at) OVER (ORDER BY since ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
      FROM intake.heartbeats
      WHERE duty = 'ingest') AS stretch
WHERE since > covered_until + %(shortest)s AND since < %(before)s
ORDER BY since
