-- Fold these sessions again when they are due; what is still unfolded of them keeps its first position.
INSERT INTO calls.reviews AS known (call_session_id, due_at, unfolded_position)
SELECT * FROM unnest(%(sessions)s::text[], %(due_at)s::timestamptz[], %(unfolded)s::bigint[])
ON CONFLICT (call_session_id) DO UPDATE
SET due_at = least(known.due_at, excluded.due_at),
    unfolded_position = least(known.unfolded_position, excluded.unfolded_position)
