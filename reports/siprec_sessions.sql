-- SIPREC sessions and failed attempts by status, with the durations that are known.
WITH session AS (
    SELECT
        calendar.day,
        calendar.week,
        CASE WHEN asked.by_connection = 1 THEN fact.connection_id END AS connection_id,
        CASE WHEN asked.by_number = 1 THEN fact.number END AS number,
        tagged.value AS tag,
        fact.status,
        fact.finality,
        -- A failed attempt lasted no time; it is no session that lasted 0.
        CASE WHEN fact.status <> 'failed' THEN fact.duration_us END AS duration_us,
        CASE WHEN fact.status <> 'failed' AND fact.duration_us IS NOT NULL THEN 1 ELSE 0 END AS known,
        -- Rows of a leg are numbered from 1: its first session came after failures where all before it are such.
        (
            SELECT CASE WHEN count(*) > 0 AND count(*) = fact.seq - 1 THEN count(*) END
            FROM facts.siprec_sessions AS earlier
            WHERE fact.status <> 'failed'
                AND fact.seq > 1
                AND earlier.call_session_id = fact.call_session_id
                AND earlier.call_leg_id = fact.call_leg_id
                AND earlier.seq < fact.seq
                AND earlier.status = 'failed'
        ) AS retries
    FROM facts.siprec_sessions AS fact
    JOIN calendar
        ON calendar.utc_day = fact.utc_day
        AND calendar.start_us <= fact.at_us
        AND fact.at_us < calendar.end_us
    CROSS JOIN asked
    LEFT JOIN tagged ON tagged.tags = CASE WHEN asked.by_tag = 1 THEN fact.tags END
),

ranked AS (
    SELECT
        session.*,
        count(*) OVER (PARTITION BY day, week, connection_id, number, tag, known ORDER BY duration_us) AS at_or_below,
        count(*) OVER (PARTITION BY day, week, connection_id, number, tag, known) AS of_known
    FROM session
)

-- A percentile is by nearest rank: the smallest duration with at least that share at or below it, in whole numbers.
SELECT
    day,
    week,
    connection_id,
    number,
    tag,
    count(*) AS rows_count,
    CAST(sum(CASE WHEN finality = 'provisional' THEN 1 ELSE 0 END) AS bigint) AS provisional_count,
    CAST(sum(CASE WHEN status = 'open' THEN 1 ELSE 0 END) AS bigint) AS open_count,
    CAST(sum(CASE WHEN status = 'stopped' THEN 1 ELSE 0 END) AS bigint) AS stopped_count,
    CAST(sum(CASE WHEN status = 'closed_by_hangup' THEN 1 ELSE 0 END) AS bigint) AS closed_by_hangup_count,
    CAST(sum(CASE WHEN status = 'failed_midway' THEN 1 ELSE 0 END) AS bigint) AS failed_midway_count,
    CAST(sum(CASE WHEN status = 'stopped_without_start' THEN 1 ELSE 0 END) AS bigint) AS stopped_without_start_count,
    CAST(sum(CASE WHEN status = 'stale_open' THEN 1 ELSE 0 END) AS bigint) AS stale_open_count,
    CAST(sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS bigint) AS failed_count,
    count(retries) AS retried_to_success_count,
    CAST(sum(retries) AS bigint) AS retries_to_success_count,
    CAST(sum(CASE WHEN status = 'failed_midway' THEN duration_us END) AS bigint) AS time_to_failure_sum_us,
    count(CASE WHEN status = 'failed_midway' THEN duration_us END) AS time_to_failure_known_count,
    CAST(sum(known) AS bigint) AS duration_known_count,
    CAST(sum(duration_us) AS bigint) AS duration_sum_us,
    min(CASE WHEN known = 1 AND at_or_below * 100 >= of_known * 50 THEN duration_us END)
        AS duration_median_us,
    min(CASE WHEN known = 1 AND at_or_below * 100 >= of_known * 95 THEN duration_us END)
        AS duration_p95_us
FROM ranked
GROUP BY day, week, connection_id, number, tag
