-- The newest beat of each duty: who is at it, and how far.
SELECT DISTINCT ON (duty) process, duty, since, alive_at, oldest_waiting, position, stopped
FROM intake.heartbeats
ORDER BY duty, alive_at DESC
