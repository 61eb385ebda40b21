-- Sessions that an outage may concern: heard of before its end, and still expected to be heard of when it began, which
-- is until the late grace after a hangup is over, or, without one, long after the last event.
SELECT leg.call_session_id
FROM calls.call_legs AS leg
JOIN LATERAL (
    SELECT min(entry.occurred_at) AS first_at, max(entry.occurred_at) AS last_at
    FROM calls.timeline AS entry
    WHERE entry.call_session_id = leg.call_session_id
) AS heard ON heard.first_at < %(ended_at)s
WHERE (leg.hangup_at >= %(graced_at)s OR leg.hangup_at IS NULL)
  AND (leg.hangup_at IS NOT NULL OR heard.last_at >= %(reached_at)s)
