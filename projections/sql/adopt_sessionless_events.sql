-- Give a leg's events without a session to the session that is now known for it.
INSERT INTO calls.session_events (call_session_id, position)
SELECT link.call_session_id, lone.position
FROM unnest(%(legs)s::text[], %(sessions)s::text[]) AS link (call_leg_id, call_session_id)
JOIN calls.sessionless_events AS lone ON lone.call_leg_id = link.call_leg_id
ON CONFLICT DO NOTHING
RETURNING call_session_id, position
