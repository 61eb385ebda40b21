-- Sessions that an outage may concern: a leg was answered before its end, and still expected to be heard of when it
-- began, which is until the late grace after a hangup is over, or, without one, long after the answer.
SELECT call_session_id
FROM calls.call_legs
WHERE answered_at < %(ended_at)s
  AND (hangup_at >= %(graced_at)s OR (hangup_at IS NULL AND answered_at >= %(reached_at)s))
