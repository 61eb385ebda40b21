-- A session that was only a leg without one is over once the leg's real session is known.
DELETE FROM calls.session_events AS held
USING calls.sessionless_events AS lone
WHERE lone.call_leg_id = ANY(%(legs)s::text[])
  AND held.call_session_id = lone.call_leg_id AND held.position = lone.position
  AND NOT EXISTS (SELECT FROM calls.leg_sessions AS link
                  WHERE link.call_leg_id = lone.call_leg_id AND link.call_session_id = lone.call_leg_id)
RETURNING held.call_session_id, held.position
