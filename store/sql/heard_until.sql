-- Until when the log is known to hold what could be heard. Not beyond the oldest event that some process has answered and
-- not appended; nor beyond the last word of a process that is silent and did not stop: it may have answered since, and
-- be cut off from Postgres alone. Its spool says more, once that is adopted. Null: nothing stands in the way.
SELECT least(min(oldest_waiting), min(alive_at) FILTER (WHERE NOT stopped AND alive_at < %(silent_since)s),
             CASE WHEN max(alive_at) < %(silent_since)s THEN max(alive_at) END)
FROM (SELECT DISTINCT ON (process) alive_at, oldest_waiting, stopped
      FROM intake.heartbeats
      WHERE duty = 'ingest'
      ORDER BY process, since DESC) AS latest
