-- Remove a schedule; the rows of its runs stay.
DELETE FROM reports.schedules WHERE schedule = %(schedule)s RETURNING schedule
