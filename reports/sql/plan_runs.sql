-- Give each due time its row: to be run from now on, or skipped where too many were missed.
INSERT INTO reports.runs
    (schedule, due_at, report, period_from, period_to, state, next_attempt_at, finished_at, reason)
SELECT %(schedule)s, due_at, %(report)s, period_from, period_to,
    CASE WHEN skipped THEN 'skipped' ELSE 'due' END,
    CASE WHEN NOT skipped THEN due_at END,
    CASE WHEN skipped THEN %(now)s::timestamptz END,
    CASE WHEN skipped THEN 'too_many_missed' END
FROM unnest(%(due_at)s::timestamptz[], %(period_from)s::date[], %(period_to)s::date[], %(skipped)s::boolean[])
    AS planned (due_at, period_from, period_to, skipped)
ON CONFLICT (schedule, due_at) DO NOTHING
