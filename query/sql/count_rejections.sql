-- What was refused, by day and reason; the rows that are kept are told apart from those that are only counted.
SELECT utc_day::text AS day, reason, sum(refused)::bigint AS refused, sum(kept)::bigint AS kept,
       sum(kept_bytes)::bigint AS kept_bytes, count(*) AS addresses
FROM intake.rejection_counts
WHERE (%(since)s::timestamptz IS NULL OR utc_day >= (%(since)s::timestamptz AT TIME ZONE 'UTC')::date)
  AND (%(reason)s::text IS NULL OR reason = %(reason)s)
GROUP BY utc_day, reason
ORDER BY utc_day DESC, refused DESC, reason
