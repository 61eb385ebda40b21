-- Stop waiting for the spool of a process that is gone: that time is declared an outage.
UPDATE intake.heartbeats SET oldest_waiting = NULL
WHERE duty = 'ingest' AND oldest_waiting >= %(begins)s AND oldest_waiting <= %(ends)s AND alive_at < %(silent_since)s
