-- Register events with their sessions.
INSERT INTO calls.session_events (call_session_id, position)
SELECT * FROM unnest(%(sessions)s::text[], %(positions)s::bigint[])
ON CONFLICT DO NOTHING
