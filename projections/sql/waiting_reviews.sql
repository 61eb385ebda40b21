-- Sessions that time alone may have changed, and all whose fold was put off, due or not.
SELECT call_session_id FROM calls.reviews WHERE due_at <= %(now)s OR unfolded_position IS NOT NULL
