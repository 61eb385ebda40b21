-- Give up the runs that wait and whose schedule is gone, unless a worker is at them: it ends its own, or leaves them.
WITH orphans AS (
    SELECT schedule, due_at FROM reports.runs
    WHERE next_attempt_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM reports.schedules
        WHERE schedules.schedule = runs.schedule AND runs.due_at >= date_trunc('second', created_at)
    )
    FOR UPDATE SKIP LOCKED
)
UPDATE reports.runs SET state = 'given_up', next_attempt_at = NULL, finished_at = %(now)s,
    reason = 'schedule_removed', detail = NULL
FROM orphans WHERE runs.schedule = orphans.schedule AND runs.due_at = orphans.due_at
