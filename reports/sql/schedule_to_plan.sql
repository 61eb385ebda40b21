-- A schedule that is due, unless another worker is at it.
SELECT schedule, report, cron, zone, period, by, formats, destination, created_at, paused_at, planned_until, next_due_at
FROM reports.schedules
WHERE next_due_at <= %(now)s AND paused_at IS NULL AND schedule > %(after)s
ORDER BY schedule
LIMIT 1
FOR UPDATE SKIP LOCKED
