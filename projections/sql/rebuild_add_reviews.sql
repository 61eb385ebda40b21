-- When time alone may change the given sessions.
INSERT INTO rebuild.reviews (call_session_id, due_at, unfolded_position)
SELECT * FROM unnest(%(sessions)s::text[], %(due_at)s::timestamptz[], %(unfolded)s::bigint[])
