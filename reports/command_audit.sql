-- Commands of the period, one row each.
SELECT
    fact.command_id,
    fact.call_session_id,
    fact.call_leg_id,
    fact.connection_id,
    fact.action,
    fact.actor,
    fact.purpose,
    fact.ticket,
    fact.state,
    fact.http_status,
    fact.at_us,
    fact.key_id,
    fact.target,
    fact.outcome,
    fact.error_code,
    fact.reason,
    fact.refused_by,
    fact.approved_by,
    fact.repeats,
    fact.flags,
    fact.finality,
    fact.answered_us,
    fact.confirmed_us,
    fact.positions
FROM facts.commands AS fact
JOIN calendar
    ON calendar.utc_day = fact.utc_day
    AND calendar.start_us <= fact.at_us
    AND fact.at_us < calendar.end_us
