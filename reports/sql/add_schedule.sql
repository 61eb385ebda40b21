-- Keep a new schedule; it is due from now on.
INSERT INTO reports.schedules
    (schedule, report, cron, zone, period, by, formats, destination, created_at, planned_until, next_due_at)
VALUES (%(schedule)s, %(report)s, %(cron)s, %(zone)s, %(period)s, %(by)s, %(formats)s, %(destination)s, %(now)s,
    %(now)s, %(next_due_at)s)
RETURNING schedule, report, cron, zone, period, by, formats, destination, created_at, paused_at, planned_until,
    next_due_at
