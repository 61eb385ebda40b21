-- Sessions that new events, sessions newly known of a leg, or time alone may have changed since the rebuild looked.
SELECT call_session_id FROM rebuild.session_events WHERE position >= %(since)s
UNION
SELECT link.call_session_id FROM rebuild.sessionless_events AS lone
JOIN rebuild.leg_sessions AS link USING (call_leg_id)
WHERE lone.call_leg_id = ANY(%(legs)s::text[])
UNION
SELECT call_session_id FROM rebuild.reviews WHERE due_at <= %(as_of)s
