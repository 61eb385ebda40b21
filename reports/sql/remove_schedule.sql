-- Remove a schedule; the rows of its runs stay, and those that wait are given up.
WITH removed AS (
    DELETE FROM reports.schedules WHERE schedule = %(schedule)s RETURNING schedule
), waiting AS (
    SELECT schedule, due_at FROM reports.runs JOIN removed USING (schedule)
    WHERE next_attempt_at IS NOT NULL
    FOR UPDATE OF runs SKIP LOCKED
), given_up AS (
    UPDATE reports.runs SET state = 'given_up', next_attempt_at = NULL, finished_at = %(now)s,
        reason = 'schedule_removed', detail = NULL
    FROM waiting WHERE runs.schedule = waiting.schedule AND runs.due_at = waiting.due_at
)
SELECT schedule FROM removed
