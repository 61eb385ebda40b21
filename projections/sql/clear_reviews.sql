-- The given sessions are about to be folded; gives those that waited for it, with their first position not yet folded.
WITH cleared AS (
    DELETE FROM calls.reviews WHERE call_session_id = ANY(%(sessions)s::text[])
    RETURNING call_session_id, unfolded_position
)
SELECT call_session_id, unfolded_position FROM cleared WHERE unfolded_position IS NOT NULL
