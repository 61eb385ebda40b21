-- Say that a process did its duty until now; the stretch since then grows.
INSERT INTO intake.heartbeats AS known (process, duty, since, alive_at, oldest_waiting, position, stopped)
VALUES (%(process)s, %(duty)s, %(since)s, %(alive_at)s, %(oldest_waiting)s, %(position)s, %(stopped)s)
ON CONFLICT (process, duty, since) DO UPDATE
SET alive_at = greatest(known.alive_at, excluded.alive_at), oldest_waiting = excluded.oldest_waiting,
    position = excluded.position, stopped = excluded.stopped
