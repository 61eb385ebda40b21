-- Outages that meet a stretch of time, in microseconds.
SELECT (extract(epoch FROM began_at) * 1000000)::bigint, (extract(epoch FROM ended_at) * 1000000)::bigint
FROM calls.outages
WHERE ended_at > %(begins)s AND began_at < %(ends)s
