-- Take the given legs' events without a session from where they were: more sessions of the legs may be known now.
DELETE FROM rebuild.session_events AS held
USING rebuild.sessionless_events AS lone
WHERE lone.call_leg_id = ANY(%(legs)s::text[]) AND held.position = lone.position
RETURNING held.call_session_id
