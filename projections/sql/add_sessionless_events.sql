-- Remember events that name a leg and no session.
INSERT INTO calls.sessionless_events (call_leg_id, position)
SELECT * FROM unnest(%(legs)s::text[], %(positions)s::bigint[])
ON CONFLICT DO NOTHING
