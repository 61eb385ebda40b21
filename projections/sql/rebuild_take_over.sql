-- What the projector registered after the rebuild looked is right by itself.
WITH events AS (
    INSERT INTO rebuild.session_events
    SELECT * FROM calls.session_events WHERE position >= %(since)s ON CONFLICT DO NOTHING
), lone AS (
    INSERT INTO rebuild.sessionless_events
    SELECT * FROM calls.sessionless_events WHERE position >= %(since)s ON CONFLICT DO NOTHING
)
INSERT INTO rebuild.leg_sessions
SELECT DISTINCT link.* FROM calls.leg_sessions AS link
JOIN calls.session_events AS held ON held.call_session_id = link.call_session_id
WHERE held.position >= %(since)s ON CONFLICT DO NOTHING
