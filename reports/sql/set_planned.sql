-- Say until when each due time of a schedule has its row.
UPDATE reports.schedules SET planned_until = %(until)s, next_due_at = %(next_due_at)s WHERE schedule = %(schedule)s
