-- Say that a run is being attempted, and pin it for good by its first attempt.
UPDATE reports.runs
SET state = 'running', attempts = attempts + 1, next_attempt_at = %(now)s, started_at = %(now)s, finished_at = NULL,
    log_position = CASE WHEN as_of IS NULL THEN %(log_position)s ELSE log_position END,
    as_of = coalesce(as_of, %(as_of)s), evidence = coalesce(evidence, %(evidence)s::json)
WHERE schedule = %(schedule)s AND due_at = %(due_at)s
RETURNING schedule, due_at, report, period_from, period_to, state, attempts, next_attempt_at, log_position, as_of,
    evidence, started_at, finished_at, reason, detail, manifest_sha256, files
