-- How SIPREC sessions, REFER attempts and call legs ended, by what was given as the cause.
WITH ending AS (
    SELECT
        utc_day,
        at_us,
        connection_id,
        number,
        tags,
        'siprec' AS subject,
        CASE
            WHEN status = 'failed' OR status = 'failed_midway' THEN 'failure'
            WHEN status <> 'stopped' AND status <> 'stopped_without_start' THEN 'undecided'
            WHEN cause_name = 'NORMAL_CLEARING' THEN 'normal'
            ELSE 'abnormal_end'
        END AS kind,
        cause_name,
        cause_fault_domain AS fault_domain,
        cause_raw,
        CAST(NULL AS bigint) AS sip_code
    FROM facts.siprec_sessions
    UNION ALL
    SELECT
        utc_day,
        at_us,
        connection_id,
        number,
        tags,
        'refer' AS subject,
        -- No terminal event is not a failure: the transfer may have gone through unseen.
        CASE
            WHEN outcome = 'completed' THEN 'normal'
            WHEN outcome = 'pending' OR outcome = 'superseded_no_terminal' THEN 'undecided'
            WHEN outcome = 'unconfirmed_call_ended' OR outcome = 'unconfirmed_timeout' THEN 'undecided'
            ELSE 'failure'
        END AS kind,
        NULL AS cause_name,
        outcome AS fault_domain,
        NULL AS cause_raw,
        final_code AS sip_code
    FROM facts.refer_attempts
    UNION ALL
    SELECT
        utc_day,
        at_us,
        connection_id,
        number,
        tags,
        'leg' AS subject,
        CASE
            WHEN hangup_us IS NULL THEN 'undecided'
            WHEN hangup_cause_name = 'NORMAL_CLEARING' THEN 'normal'
            WHEN status = 'ended_unanswered' THEN 'failure'
            ELSE 'abnormal_end'
        END AS kind,
        hangup_cause_name AS cause_name,
        NULL AS fault_domain,
        hangup_cause AS cause_raw,
        CAST(NULL AS bigint) AS sip_code
    FROM facts.call_legs
),

placed AS (
    SELECT
        calendar.day,
        calendar.week,
        calendar.hour,
        CASE WHEN asked.by_connection = 1 THEN ending.connection_id END AS connection_id,
        CASE WHEN asked.by_number = 1 THEN ending.number END AS number,
        tagged.value AS tag,
        ending.subject,
        ending.kind,
        ending.cause_name,
        ending.fault_domain,
        ending.cause_raw,
        ending.sip_code
    FROM ending
    JOIN calendar
        ON calendar.utc_day = ending.utc_day
        AND calendar.start_us <= ending.at_us
        AND ending.at_us < calendar.end_us
    CROSS JOIN asked
    LEFT JOIN tagged ON tagged.tags = CASE WHEN asked.by_tag = 1 THEN ending.tags END
)

SELECT
    day,
    week,
    hour,
    connection_id,
    number,
    tag,
    subject,
    kind,
    cause_name,
    fault_domain,
    cause_raw,
    sip_code,
    count(*) AS rows_count
FROM placed
GROUP BY day, week, hour, connection_id, number, tag, subject, kind, cause_name, fault_domain, cause_raw, sip_code
