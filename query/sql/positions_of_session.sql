-- Where the events of a session are.
SELECT position FROM calls.session_events WHERE call_session_id = %(session)s ORDER BY position
