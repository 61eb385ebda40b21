-- Events without a session go to every session of their leg, or stand under the leg's own id; null: of all legs.
INSERT INTO rebuild.session_events (call_session_id, position)
SELECT coalesce(link.call_session_id, lone.call_leg_id), lone.position
FROM rebuild.sessionless_events AS lone
LEFT JOIN rebuild.leg_sessions AS link ON link.call_leg_id = lone.call_leg_id
WHERE %(legs)s::text[] IS NULL OR lone.call_leg_id = ANY(%(legs)s::text[])
ON CONFLICT DO NOTHING
