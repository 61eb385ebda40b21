-- Resume a schedule: what was due meanwhile is not run.
UPDATE reports.schedules
SET planned_until = CASE WHEN paused_at IS NULL THEN planned_until ELSE %(now)s END,
    next_due_at = CASE WHEN paused_at IS NULL THEN next_due_at ELSE %(next_due_at)s END,
    paused_at = NULL
WHERE schedule = %(schedule)s
