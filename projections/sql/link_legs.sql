-- Remember which sessions a leg's events name; gives the links that are new.
INSERT INTO calls.leg_sessions (call_leg_id, call_session_id)
SELECT DISTINCT * FROM unnest(%(legs)s::text[], %(sessions)s::text[])
ON CONFLICT DO NOTHING
RETURNING call_leg_id, call_session_id
