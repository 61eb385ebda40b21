-- Sessions whose fold was put off, and those that time alone may have changed by the instant that may be judged; the
-- longest due first.
SELECT call_session_id
FROM calls.reviews
WHERE due_at <= %(now)s AND (unfolded_position IS NOT NULL OR due_at <= %(as_of)s)
ORDER BY due_at
LIMIT %(limit)s
