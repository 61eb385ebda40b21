-- Say what became of an attempt.
UPDATE reports.runs
SET state = %(state)s, next_attempt_at = %(next_attempt_at)s, finished_at = %(now)s, reason = %(reason)s,
    detail = %(detail)s, manifest_sha256 = %(manifest_sha256)s, files = %(files)s,
    log_position = coalesce(%(log_position)s, log_position)
WHERE schedule = %(schedule)s AND due_at = %(due_at)s
RETURNING schedule, due_at, report, period_from, period_to, state, attempts, next_attempt_at, log_position, as_of,
    evidence, started_at, finished_at, reason, detail, manifest_sha256, files
