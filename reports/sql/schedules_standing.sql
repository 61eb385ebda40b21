-- How schedules stand.
SELECT waiting_since, failed, given_up FROM reports.standing
