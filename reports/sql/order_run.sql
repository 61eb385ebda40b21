-- Have a due time run now, for whoever asks by hand: one of its own, or one that was not delivered; a first attempt again.
INSERT INTO reports.runs AS known (schedule, due_at, report, period_from, period_to, state, next_attempt_at)
VALUES (%(schedule)s, %(due_at)s, %(report)s, %(period_from)s, %(period_to)s, 'due', %(now)s)
ON CONFLICT (schedule, due_at) DO UPDATE
SET state = 'due', next_attempt_at = excluded.next_attempt_at, attempts = 0, manifest_sha256 = NULL
WHERE known.state IN ('due', 'failed', 'given_up', 'skipped') -- the last was made by earlier versions
