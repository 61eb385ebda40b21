-- Pause a schedule: nothing of it is due, or tried again, until it is resumed. Paused already, it keeps its time.
UPDATE reports.schedules SET paused_at = coalesce(paused_at, %(now)s) WHERE schedule = %(schedule)s
