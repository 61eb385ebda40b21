-- How much of what had to be recorded was: legs on the day of their answer, time split at local midnight.
--
-- A column that is not asked for is nothing by a constant, so that a planner sees how few groups there are. Conditions
-- stand in CASE where a planner that knows nothing of a comparison of two columns takes a third of all rows for true.
WITH leg AS NOT MATERIALIZED (
    SELECT
        fact.*,
        CASE WHEN asked.by_day = 1 THEN calendar.day END AS day,
        CASE WHEN asked.by_week = 1 THEN calendar.week END AS week,
        CASE WHEN asked.by_connection = 1 THEN fact.connection_id END AS by_connection_id,
        CASE WHEN asked.by_number = 1 THEN fact.number END AS by_number,
        CASE WHEN asked.by_tag = 1 THEN tagged.value END AS tag,
        coalesce(fact.talk_ends_us > calendar.end_us, false) AS crosses
    FROM facts.coverage AS fact
    CROSS JOIN asked
    JOIN calendar
        ON calendar.utc_day = fact.utc_day
        AND CASE WHEN calendar.start_us <= fact.at_us THEN fact.at_us < calendar.end_us ELSE false END
    LEFT JOIN tagged ON tagged.tags = CASE WHEN asked.by_tag = 1 THEN fact.tags END
    WHERE fact.placed_us IS NULL OR (asked.start_us <= fact.placed_us AND fact.placed_us < asked.end_us)
),

-- Legs whose talk is not within one segment: few, and found before their spans are looked for.
crossing AS MATERIALIZED (
    SELECT
        fact.call_session_id,
        fact.call_leg_id,
        CASE WHEN asked.by_connection = 1 THEN fact.connection_id END AS connection_id,
        CASE WHEN asked.by_number = 1 THEN fact.number END AS number,
        CASE WHEN asked.by_tag = 1 THEN tagged.value END AS tag,
        fact.verdict
    FROM facts.coverage AS fact
    CROSS JOIN asked
    LEFT JOIN calendar
        ON calendar.utc_day = fact.placed_day
        AND CASE WHEN calendar.start_us <= fact.placed_us THEN fact.placed_us < calendar.end_us ELSE false END
    LEFT JOIN tagged ON tagged.tags = CASE WHEN asked.by_tag = 1 THEN fact.tags END
    WHERE fact.placed_us < asked.end_us
        AND fact.talk_ends_us > asked.start_us
        AND CASE WHEN calendar.end_us IS NULL OR fact.talk_ends_us > calendar.end_us THEN 1 ELSE 0 END = 1
),

-- Legs with a start delay: answered, so placed. Of columns that an index holds, unless more is asked for.
delayed AS NOT MATERIALIZED (
    SELECT
        CASE WHEN asked.by_day = 1 THEN calendar.day END AS day,
        CASE WHEN asked.by_week = 1 THEN calendar.week END AS week,
        CASE WHEN asked.by_connection = 1 THEN fact.connection_id END AS connection_id,
        CASE WHEN asked.by_number = 1 THEN fact.number END AS number,
        CASE WHEN asked.by_tag = 1 THEN tagged.value END AS tag,
        fact.start_delay_ms
    FROM facts.coverage AS fact
    CROSS JOIN asked
    JOIN calendar
        ON calendar.utc_day = fact.placed_day
        AND CASE WHEN calendar.start_us <= fact.placed_us THEN fact.placed_us < calendar.end_us ELSE false END
    LEFT JOIN tagged ON tagged.tags = CASE WHEN asked.by_tag = 1 THEN fact.tags END
    WHERE asked.start_us <= fact.placed_us AND fact.placed_us < asked.end_us
        AND fact.start_delay_ms IS NOT NULL
        AND fact.verdict <> 'pending' AND fact.verdict <> 'not_in_scope' AND fact.verdict <> 'not_eligible'
),

piece AS (
    SELECT
        CASE WHEN asked.by_day = 1 THEN calendar.day END AS day,
        CASE WHEN asked.by_week = 1 THEN calendar.week END AS week,
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
    CROSS JOIN asked
    JOIN calendar
        ON calendar.utc_day = span.utc_day
        AND calendar.start_us < span.end_us
        AND span.start_us < calendar.end_us
)

-- Three kinds of rows, told apart by what they hold: legs, pieces of talk, and the start delays of a group.
SELECT
    day,
    week,
    by_connection_id AS connection_id,
    by_number AS number,
    tag,
    verdict,
    evidence_grade,
    count(*) AS legs_count,
    CAST(sum(CASE WHEN finality = 'provisional' THEN 1 ELSE 0 END) AS bigint) AS provisional_count,
    count(recovery_ms) AS recovered_count,
    count(talk_us) AS talk_known_count,
    CAST(sum(CASE WHEN unrecorded_evidence = 'explicit_failure' THEN 1 ELSE 0 END) AS bigint) AS failure_count,
    CAST(sum(CASE WHEN unrecorded_evidence = 'absence_of_events' THEN 1 ELSE 0 END) AS bigint) AS silence_count,
    CAST(sum(over_recorded) AS bigint) AS over_recorded_count,
    CAST(sum(over_recorded_us) AS bigint) AS over_recorded_us,
    CAST(sum(double_covered_us) AS bigint) AS double_covered_us,
    -- Talk that crosses no border is known as a whole; the rest is below.
    CASE WHEN crosses THEN 0 ELSE CAST(sum(talk_us) AS bigint) END AS talk_us,
    CASE WHEN crosses THEN 0 ELSE CAST(sum(confirmed_us) AS bigint) END AS confirmed_us,
    CASE WHEN crosses THEN 0 ELSE CAST(sum(inferred_us) AS bigint) END AS inferred_us,
    CASE WHEN crosses THEN 0 ELSE CAST(sum(unknown_us) AS bigint) END AS unknown_us,
    CASE WHEN crosses THEN 0 ELSE CAST(sum(uncovered_us) AS bigint) END AS uncovered_us,
    CAST(NULL AS bigint) AS start_delay_known_count,
    CAST(NULL AS bigint) AS start_delay_median_ms,
    CAST(NULL AS bigint) AS start_delay_p95_ms
FROM leg
GROUP BY day, week, by_connection_id, by_number, tag, verdict, evidence_grade, crosses
UNION ALL
SELECT
    day,
    week,
    connection_id,
    number,
    tag,
    verdict,
    NULL AS evidence_grade,
    0 AS legs_count,
    0 AS provisional_count,
    0 AS recovered_count,
    0 AS talk_known_count,
    0 AS failure_count,
    0 AS silence_count,
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
    0 AS legs_count,
    0 AS provisional_count,
    0 AS recovered_count,
    0 AS talk_known_count,
    0 AS failure_count,
    0 AS silence_count,
    0 AS over_recorded_count,
    0 AS over_recorded_us,
    0 AS double_covered_us,
    0 AS talk_us,
    0 AS confirmed_us,
    0 AS inferred_us,
    0 AS unknown_us,
    0 AS uncovered_us,
    count(*) AS start_delay_known_count,
    -- The nearest rank in both engines: of n values in order, the one at place ceil(fraction * n).
    percentile_disc(0.5) WITHIN GROUP (ORDER BY start_delay_ms) AS start_delay_median_ms,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY start_delay_ms) AS start_delay_p95_ms
FROM delayed
GROUP BY day, week, connection_id, number, tag
