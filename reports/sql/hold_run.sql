-- Hold a run for as long as its attempt lasts; nothing: another worker took it.
SELECT 1 FROM reports.runs
WHERE schedule = %(schedule)s AND due_at = %(due_at)s AND state = 'running' AND attempts = %(attempts)s
FOR UPDATE SKIP LOCKED
