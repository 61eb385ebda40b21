-- Give each due time its row, to be run from now on.
INSERT INTO reports.runs (schedule, due_at, report, period_from, period_to, state, next_attempt_at)
SELECT %(schedule)s, due_at, %(report)s, period_from, period_to, 'due', due_at
FROM unnest(%(due_at)s::timestamptz[], %(period_from)s::date[], %(period_to)s::date[])
    AS planned (due_at, period_from, period_to)
ON CONFLICT (schedule, due_at) DO NOTHING
