-- The sessions that the given legs belong to.
SELECT call_leg_id, call_session_id FROM calls.leg_sessions WHERE call_leg_id = ANY(%(legs)s::text[])
