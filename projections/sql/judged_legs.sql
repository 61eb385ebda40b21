-- Legs from an instant on, by their answer or else by when they began, with what a policy asks of them and which did.
SELECT leg.call_session_id, leg.call_leg_id, leg.connection_id, leg.direction, leg.from_number, leg.to_number, leg.tags,
       judged.policy_version, judged.policy_rule
FROM calls.call_legs AS leg
JOIN calls.coverage AS judged USING (call_session_id, call_leg_id)
WHERE coalesce(leg.answered_at, leg.hangup_at, leg.initiated_at) >= %(since)s
