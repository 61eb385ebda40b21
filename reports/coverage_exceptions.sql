-- Every leg that is not full, or was recorded and must not be: a row for each failed recording of it and each command
-- about its recording, one where there is neither.
WITH listed AS (
    SELECT fact.*
    FROM facts.coverage AS fact
    JOIN calendar
        ON calendar.utc_day = fact.utc_day
        AND calendar.start_us <= fact.at_us
        AND fact.at_us < calendar.end_us
    WHERE (fact.verdict <> 'full' AND fact.verdict <> 'not_in_scope' AND fact.verdict <> 'not_eligible')
        OR fact.over_recorded = 1
),

seen AS (
    SELECT
        listed.call_session_id,
        listed.call_leg_id,
        min(event.received_us) AS first_seen_us,
        max(event.received_us) AS last_seen_us
    FROM listed
    JOIN facts.timeline AS event
        ON event.call_session_id = listed.call_session_id
        AND event.call_leg_id = listed.call_leg_id
    GROUP BY listed.call_session_id, listed.call_leg_id
),

-- A failed recording that names no leg is shown at each of its session that is listed.
told AS (
    SELECT
        listed.call_session_id,
        listed.call_leg_id,
        1 AS told_order,
        siprec.seq,
        siprec.cause_raw,
        siprec.cause_name,
        siprec.cause_fault_domain,
        NULL AS command_action,
        NULL AS command_by,
        NULL AS command_purpose,
        NULL AS command_state
    FROM listed
    JOIN facts.siprec_sessions AS siprec
        ON siprec.call_session_id = listed.call_session_id
        AND siprec.call_leg_id = listed.call_leg_id
        AND (siprec.status = 'failed' OR siprec.status = 'failed_midway')
    UNION ALL
    SELECT
        listed.call_session_id,
        listed.call_leg_id,
        2 AS told_order,
        native.seq,
        native.reason AS cause_raw,
        NULL AS cause_name,
        NULL AS cause_fault_domain,
        NULL AS command_action,
        NULL AS command_by,
        NULL AS command_purpose,
        NULL AS command_state
    FROM listed
    JOIN facts.native_recordings AS native
        ON native.call_session_id = listed.call_session_id
        AND (native.call_leg_id = listed.call_leg_id OR native.call_leg_id IS NULL)
        AND native.status = 'error'
    UNION ALL
    SELECT
        listed.call_session_id,
        listed.call_leg_id,
        3 AS told_order,
        command.at_us AS seq,
        NULL AS cause_raw,
        NULL AS cause_name,
        NULL AS cause_fault_domain,
        command.action AS command_action,
        command.actor AS command_by,
        command.purpose AS command_purpose,
        command.state AS command_state
    FROM listed
    JOIN facts.commands AS command
        ON command.call_session_id = listed.call_session_id
        AND command.call_leg_id = listed.call_leg_id
        AND command.action IN (
            'siprec_start', 'siprec_stop', 'record_start', 'record_stop', 'record_pause', 'record_resume'
        )
        AND command.state IN ('sent', 'accepted', 'in_doubt', 'confirmed', 'expired')
        AND command.sent_us IS NOT NULL
)

SELECT
    listed.call_session_id,
    listed.call_leg_id,
    listed.connection_id,
    listed.direction,
    leg.from_number,
    leg.to_number,
    listed.at_us,
    listed.answered_us,
    listed.talk_us,
    listed.verdict,
    listed.evidence_grade,
    listed.unrecorded_evidence,
    listed.track_evidence,
    listed.start_delay_ms,
    listed.early_stop_ms,
    listed.longest_gap_ms,
    listed.recovery_ms,
    listed.uncovered_us,
    listed.unknown_us,
    listed.failed_attempts,
    listed.obligation,
    listed.over_recorded_us,
    listed.over_recorded,
    listed.flags,
    listed.policy_version,
    listed.policy_rule,
    listed.finality,
    listed.positions,
    seen.first_seen_us,
    seen.last_seen_us,
    told.told_order,
    told.seq,
    told.cause_raw,
    told.cause_name,
    told.cause_fault_domain,
    told.command_action,
    told.command_by,
    told.command_purpose,
    told.command_state
FROM listed
LEFT JOIN seen
    ON seen.call_session_id = listed.call_session_id
    AND seen.call_leg_id = listed.call_leg_id
LEFT JOIN facts.call_legs AS leg
    ON leg.call_session_id = listed.call_session_id
    AND leg.call_leg_id = listed.call_leg_id
LEFT JOIN told
    ON told.call_session_id = listed.call_session_id
    AND told.call_leg_id = listed.call_leg_id
