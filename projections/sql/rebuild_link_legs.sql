-- Remember which sessions a leg's events name.
INSERT INTO rebuild.leg_sessions (call_leg_id, call_session_id)
SELECT * FROM unnest(%(legs)s::text[], %(sessions)s::text[])
ON CONFLICT DO NOTHING
