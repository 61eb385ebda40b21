-- Until when the log is known to hold what could be heard: not beyond the oldest event that some process has answered
-- and not appended, nor, while nobody listens, beyond the last time that somebody did. Null: nothing stands in the way.
SELECT least(min(oldest_waiting), CASE WHEN max(alive_at) < %(silent_since)s THEN max(alive_at) END)
FROM (SELECT DISTINCT ON (process) alive_at, oldest_waiting
      FROM intake.heartbeats
      WHERE duty = 'ingest'
      ORDER BY process, since DESC) AS latest
