-- Where the events of the given sessions are.
SELECT call_session_id, position FROM calls.session_events WHERE call_session_id = ANY(%(sessions)s::text[])
