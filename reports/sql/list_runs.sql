-- The latest runs of all schedules, or of one, or of one due time; by due time, the latest first.
SELECT schedule, due_at, report, period_from, period_to, state, attempts, next_attempt_at, log_position, as_of,
    evidence, started_at, finished_at, reason, detail, manifest_sha256, files
FROM reports.runs
WHERE (%(schedule)s::text IS NULL OR schedule = %(schedule)s)
    AND (%(due_at)s::timestamptz IS NULL OR due_at = %(due_at)s)
ORDER BY due_at DESC, schedule
LIMIT %(limit)s
