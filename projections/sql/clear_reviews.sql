-- The given sessions are about to be folded.
DELETE FROM calls.reviews WHERE call_session_id = ANY(%(sessions)s::text[])
