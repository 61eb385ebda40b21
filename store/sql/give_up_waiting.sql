-- Stop waiting for processes that are gone, where they went silent or left something waiting in a declared outage.
UPDATE intake.heartbeats SET oldest_waiting = NULL, stopped = true
WHERE duty = 'ingest' AND alive_at < %(silent_since)s AND (oldest_waiting IS NOT NULL OR NOT stopped)
  AND coalesce(oldest_waiting, alive_at) BETWEEN %(begins)s AND %(ends)s
