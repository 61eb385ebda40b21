-- Where the events of the given sessions are.
SELECT call_session_id, array_agg(position)
FROM rebuild.session_events
WHERE call_session_id = ANY(%(sessions)s::text[])
GROUP BY call_session_id
