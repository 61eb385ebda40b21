-- Sessions with a leg that was answered from an instant on, or, never answered, may have been heard of first from then
-- on. (A superset: the first event of such a leg is no later than its hangup.)
SELECT call_session_id
FROM calls.call_legs
WHERE answered_at >= %(since)s OR (answered_at IS NULL AND (hangup_at >= %(since)s OR hangup_at IS NULL))
