-- All schedules, or the one of a name.
SELECT schedule, report, cron, zone, period, by, formats, destination, created_at, paused_at, planned_until, next_due_at
FROM reports.schedules
WHERE %(schedule)s::text IS NULL OR schedule = %(schedule)s
ORDER BY schedule
