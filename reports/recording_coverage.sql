-- How much of what had to be recorded was: legs on the day of their answer, time split at local midnight.
WITH counted AS (
    SELECT
        calendar.day,
        calendar.week,
        CASE WHEN asked.by_connection = 1 THEN fact.connection_id END AS connection_id,
        CASE WHEN asked.by_number = 1 THEN fact.number END AS number,
        tagged.value AS tag,
        fact.verdict,
        fact.evidence_grade,
        fact.unrecorded_evidence,
        fact.start_delay_ms,
        count(*) AS legs_count,
        sum(CASE WHEN fact.finality = 'provisional' THEN 1 ELSE 0 END) AS provisional_count,
        count(fact.recovery_ms) AS recovered_count,
        count(fact.talk_us) AS talk_known_count,
        sum(CASE WHEN fact.over_recorded_us > 0 THEN 1 ELSE 0 END) AS over_recorded_count,
        sum(fact.over_recorded_us) AS over_recorded_us,
        sum(fact.double_covered_us) AS double_covered_us,
        -- Talk that crosses no border is known as a whole; the rest is below.
        sum(CASE WHEN fact.at_us + fact.talk_us <= calendar.end_us THEN fact.talk_us END) AS talk_us,
        sum(CASE WHEN fact.at_us + fact.talk_us <= calendar.end_us THEN fact.confirmed_us END) AS confirmed_us,
        sum(CASE WHEN fact.at_us + fact.talk_us <= calendar.end_us THEN fact.inferred_us END) AS inferred_us,
        sum(CASE WHEN fact.at_us + fact.talk_us <= calendar.end_us THEN fact.unknown_us END) AS unknown_us,
        sum(CASE WHEN fact.at_us + fact.talk_us <= calendar.end_us THEN fact.uncovered_us END) AS uncovered_us
    FROM facts.coverage AS fact
    JOIN calendar
        ON calendar.utc_day = fact.utc_day
        AND calendar.start_us <= fact.at_us
        AND fact.at_us < calendar.end_us
    CROSS JOIN asked
    LEFT JOIN tagged ON tagged.tags = CASE WHEN asked.by_tag = 1 THEN fact.tags END
    GROUP BY
        calendar.day,
        calendar.week,
        CASE WHEN asked.by_connection = 1 THEN fact.connection_id END,
        CASE WHEN asked.by_number = 1 THEN fact.number END,
        tagged.value,
        fact.verdict,
        fact.evidence_grade,
        fact.unrecorded_evidence,
        fact.start_delay_ms
),

crossing AS (
    SELECT
        fact.call_session_id,
        fact.call_leg_id,
        CASE WHEN asked.by_connection = 1 THEN fact.connection_id END AS connection_id,
        CASE WHEN asked.by_number = 1 THEN fact.number END AS number,
        tagged.value AS tag,
        fact.verdict
    FROM facts.coverage AS fact
    CROSS JOIN asked
    LEFT JOIN calendar
        ON calendar.utc_day = fact.utc_day
        AND calendar.start_us <= fact.at_us
        AND fact.at_us < calendar.end_us
    LEFT JOIN tagged ON tagged.tags = CASE WHEN asked.by_tag = 1 THEN fact.tags END
    WHERE fact.at_us < asked.end_us
        AND fact.at_us + fact.talk_us > asked.start_us
        AND (calendar.end_us IS NULL OR fact.at_us + fact.talk_us > calendar.end_us)
    -- One row a leg as it is: grouped, so that the few are found before their spans are looked for.
    GROUP BY
        fact.call_session_id,
        fact.call_leg_id,
        CASE WHEN asked.by_connection = 1 THEN fact.connection_id END,
        CASE WHEN asked.by_number = 1 THEN fact.number END,
        tagged.value,
        fact.verdict
),

piece AS (
    SELECT
        calendar.day,
        calendar.week,
        crossing.connection_id,
        crossing.number,
        crossing.tag,
        crossing.verdict,
        span.kind,
        CASE WHEN span.end_us < calendar.end_us THEN span.end_us ELSE calendar.end_us END
            - CASE WHEN span.start_us > calendar.start_us THEN span.start_us ELSE calendar.start_us END AS length_us
    FROM crossing
    JOIN facts.coverage_spans AS span
        ON span.call_session_id = crossing.call_session_id
        AND span.call_leg_id = crossing.call_leg_id
    JOIN calendar
        ON calendar.utc_day = span.utc_day
        AND calendar.start_us < span.end_us
        AND span.start_us < calendar.end_us
),

delay AS (
    SELECT
        day,
        week,
        connection_id,
        number,
        tag,
        start_delay_ms,
        sum(sum(legs_count)) OVER (PARTITION BY day, week, connection_id, number, tag ORDER BY start_delay_ms)
            AS at_or_below,
        sum(sum(legs_count)) OVER (PARTITION BY day, week, connection_id, number, tag) AS of_known
    FROM counted
    WHERE start_delay_ms IS NOT NULL
        AND verdict <> 'pending' AND verdict <> 'not_in_scope' AND verdict <> 'not_eligible'
    GROUP BY day, week, connection_id, number, tag, start_delay_ms
)

-- Three kinds of rows, told apart by what they hold: legs, pieces of talk, and the start delays of a group.
SELECT
    day,
    week,
    connection_id,
    number,
    tag,
    verdict,
    evidence_grade,
    unrecorded_evidence,
    CAST(sum(legs_count) AS bigint) AS legs_count,
    CAST(sum(provisional_count) AS bigint) AS provisional_count,
    CAST(sum(recovered_count) AS bigint) AS recovered_count,
    CAST(sum(talk_known_count) AS bigint) AS talk_known_count,
    CAST(sum(over_recorded_count) AS bigint) AS over_recorded_count,
    CAST(sum(over_recorded_us) AS bigint) AS over_recorded_us,
    CAST(sum(double_covered_us) AS bigint) AS double_covered_us,
    CAST(sum(talk_us) AS bigint) AS talk_us,
    CAST(sum(confirmed_us) AS bigint) AS confirmed_us,
    CAST(sum(inferred_us) AS bigint) AS inferred_us,
    CAST(sum(unknown_us) AS bigint) AS unknown_us,
    CAST(sum(uncovered_us) AS bigint) AS uncovered_us,
    CAST(NULL AS bigint) AS start_delay_known_count,
    CAST(NULL AS bigint) AS start_delay_median_ms,
    CAST(NULL AS bigint) AS start_delay_p95_ms
FROM counted
GROUP BY day, week, connection_id, number, tag, verdict, evidence_grade, unrecorded_evidence
UNION ALL
SELECT
    day,
    week,
    connection_id,
    number,
    tag,
    verdict,
    NULL AS evidence_grade,
    NULL AS unrecorded_evidence,
    0 AS legs_count,
    0 AS provisional_count,
    0 AS recovered_count,
    0 AS talk_known_count,
    0 AS over_recorded_count,
    0 AS over_recorded_us,
    0 AS double_covered_us,
    CAST(sum(length_us) AS bigint) AS talk_us,
    CAST(sum(CASE WHEN kind = 'confirmed' THEN length_us END) AS bigint) AS confirmed_us,
    CAST(sum(CASE WHEN kind = 'inferred' THEN length_us END) AS bigint) AS inferred_us,
    CAST(sum(CASE WHEN kind = 'unknown' THEN length_us END) AS bigint) AS unknown_us,
    CAST(sum(CASE WHEN kind = 'uncovered' THEN length_us END) AS bigint) AS uncovered_us,
    CAST(NULL AS bigint) AS start_delay_known_count,
    CAST(NULL AS bigint) AS start_delay_median_ms,
    CAST(NULL AS bigint) AS start_delay_p95_ms
FROM piece
GROUP BY day, week, connection_id, number, tag, verdict
UNION ALL
SELECT
    day,
    week,
    connection_id,
    number,
    tag,
    NULL AS verdict,
    NULL AS evidence_grade,
    NULL AS unrecorded_evidence,
    0 AS legs_count,
    0 AS provisional_count,
    0 AS recovered_count,
    0 AS talk_known_count,
    0 AS over_recorded_count,
    0 AS over_recorded_us,
    0 AS double_covered_us,
    0 AS talk_us,
    0 AS confirmed_us,
    0 AS inferred_us,
    0 AS unknown_us,
    0 AS uncovered_us,
    CAST(min(of_known) AS bigint) AS start_delay_known_count,
    min(CASE WHEN at_or_below * 100 >= of_known * 50 THEN start_delay_ms END) AS start_delay_median_ms,
    min(CASE WHEN at_or_below * 100 >= of_known * 95 THEN start_delay_ms END) AS start_delay_p95_ms
FROM delay
GROUP BY day, week, connection_id, number, tag
