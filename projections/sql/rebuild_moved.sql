-- Sessions whose events came after the rebuild looked, or that time has changed since.
SELECT call_session_id FROM calls.session_events WHERE position >= %(since)s
UNION
SELECT held.call_session_id FROM calls.session_events AS held
JOIN calls.sessionless_events AS lone USING (position)
UNION
SELECT call_session_id FROM calls.call_sessions WHERE finality = 'provisional'
UNION
SELECT call_session_id FROM calls.reviews WHERE due_at <= %(as_of)s
