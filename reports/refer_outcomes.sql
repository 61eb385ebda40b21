-- REFER attempts by outcome and SIP code, with how long the decided ones of each group took.
WITH attempt AS (
    SELECT
        calendar.day,
        calendar.week,
        CASE WHEN asked.by_connection = 1 THEN fact.connection_id END AS connection_id,
        CASE WHEN asked.by_number = 1 THEN fact.number END AS number,
        tagged.value AS tag,
        fact.call_session_id,
        fact.call_leg_id,
        fact.seq,
        fact.outcome,
        fact.final_code,
        fact.finality,
        fact.time_to_terminal_us,
        CASE WHEN fact.time_to_terminal_us IS NOT NULL THEN 1 ELSE 0 END AS known
    FROM facts.refer_attempts AS fact
    JOIN calendar
        ON calendar.utc_day = fact.utc_day
        AND calendar.start_us <= fact.at_us
        AND fact.at_us < calendar.end_us
    CROSS JOIN asked
    LEFT JOIN tagged ON tagged.tags = CASE WHEN asked.by_tag = 1 THEN fact.tags END
),

ranked AS (
    SELECT
        attempt.*,
        count(*) OVER (
            PARTITION BY day, week, connection_id, number, tag, call_session_id, call_leg_id
            ORDER BY seq ROWS UNBOUNDED PRECEDING
        ) AS of_leg,
        count(*) OVER (PARTITION BY day, week, connection_id, number, tag, known ORDER BY time_to_terminal_us) AS at_or_below,
        count(*) OVER (PARTITION BY day, week, connection_id, number, tag, known) AS of_known
    FROM attempt
)

-- The smallest of the *_us columns over the rows of a group is that group's percentile, by nearest rank.
SELECT
    day,
    week,
    connection_id,
    number,
    tag,
    outcome,
    final_code,
    count(*) AS outcome_count,
    -- A leg counts once in its group, with its first attempt there.
    CAST(sum(CASE WHEN of_leg = 1 THEN 1 ELSE 0 END) AS bigint) AS legs_count,
    CAST(sum(CASE WHEN finality = 'provisional' THEN 1 ELSE 0 END) AS bigint) AS provisional_count,
    CAST(sum(known) AS bigint) AS time_to_terminal_known_count,
    min(CASE WHEN known = 1 AND at_or_below * 100 >= of_known * 50 THEN time_to_terminal_us END)
        AS time_to_terminal_median_us,
    min(CASE WHEN known = 1 AND at_or_below * 100 >= of_known * 95 THEN time_to_terminal_us END)
        AS time_to_terminal_p95_us
FROM ranked
GROUP BY day, week, connection_id, number, tag, outcome, final_code
