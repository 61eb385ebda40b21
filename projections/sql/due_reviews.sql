-- Sessions that time alone may have changed, and those whose fold was put off, the longest due first.
SELECT call_session_id FROM calls.reviews WHERE due_at <= %(now)s ORDER BY due_at LIMIT %(limit)s
