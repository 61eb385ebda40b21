-- What time may still change is folded again in time, also where that was forgotten or an older program saw no need.
INSERT INTO calls.reviews AS known
SELECT * FROM rebuild.reviews
ON CONFLICT (call_session_id) DO UPDATE SET due_at = least(known.due_at, excluded.due_at)
