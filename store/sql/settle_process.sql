-- Nothing of a process that is gone waits any more: its spool is in the log.
UPDATE intake.heartbeats SET oldest_waiting = NULL, stopped = true WHERE process = %(process)s AND duty = 'ingest'
