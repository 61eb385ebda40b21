-- The next sessions of one share, with their positions.
SELECT call_session_id, array_agg(position)
FROM rebuild.session_events
WHERE call_session_id > %(after)s AND abs(hashtext(call_session_id)::bigint) %% %(shares)s = %(share)s
GROUP BY call_session_id
ORDER BY call_session_id
LIMIT %(limit)s
