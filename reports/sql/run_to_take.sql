-- The run that has waited longest, or one by name, unless a worker is at it; one that its worker left by dying, too.
SELECT runs.schedule, due_at, runs.report, period_from, period_to, state, attempts, next_attempt_at, log_position, as_of,
    evidence, started_at, finished_at, reason, detail, manifest_sha256, files
FROM reports.runs JOIN reports.schedules USING (schedule)
WHERE next_attempt_at <= %(now)s
    AND due_at >= date_trunc('second', created_at) -- else it is of another schedule, which had the name before
    AND (paused_at IS NULL OR %(due_at)s::timestamptz IS NOT NULL)
    AND (%(schedule)s::text IS NULL OR schedule = %(schedule)s)
    AND (%(due_at)s::timestamptz IS NULL OR due_at = %(due_at)s)
ORDER BY next_attempt_at, due_at, schedule
LIMIT 1
FOR UPDATE OF runs SKIP LOCKED
