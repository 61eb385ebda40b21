-- What the log holds and lacks, counted by measure and detail; latencies by connection.
WITH event AS (
    SELECT
        calendar.day,
        calendar.week,
        fact.*,
        asked.late_us,
        CASE
            WHEN fact.latency_us IS NOT NULL AND fact.source <> 'system' AND fact.source <> 'gateway' THEN 1 ELSE 0
        END AS known
    FROM facts.log_events AS fact
    JOIN calendar
        ON calendar.utc_day = fact.utc_day
        AND calendar.start_us <= fact.at_us
        AND fact.at_us < calendar.end_us
    CROSS JOIN asked
),

ranked AS (
    SELECT
        event.*,
        count(*) OVER (PARTITION BY day, week, connection_id, known ORDER BY latency_us) AS at_or_below,
        count(*) OVER (PARTITION BY day, week, connection_id, known) AS of_known
    FROM event
),

declared AS (
    SELECT
        calendar.day,
        calendar.week,
        CASE WHEN calendar.start_us <= fact.start_us AND fact.begins = 1 THEN 1 ELSE 0 END AS begins,
        CASE WHEN fact.start_us > calendar.start_us THEN fact.start_us ELSE calendar.start_us END AS from_us,
        CASE WHEN fact.end_us < calendar.end_us THEN fact.end_us ELSE calendar.end_us END AS to_us
    FROM facts.outages AS fact
    JOIN calendar
        ON calendar.utc_day = fact.utc_day
        AND calendar.start_us < fact.end_us
        AND fact.start_us < calendar.end_us
),

reached AS (
    SELECT
        declared.*,
        max(to_us) OVER (ORDER BY from_us, to_us ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_us
    FROM declared
),

-- Time that two outages share, one found and one that an operator declared, counts once.
outage AS (
    SELECT
        day,
        week,
        begins,
        CASE
            WHEN before_us IS NULL OR before_us <= from_us THEN to_us - from_us
            WHEN before_us < to_us THEN to_us - before_us
            ELSE 0
        END AS length_us
    FROM reached
)

SELECT
    day,
    week,
    'event' AS subject,
    source,
    event_type,
    quarantined,
    NULL AS connection_id,
    count(*) AS rows_count,
    CAST(sum(repeats_id) AS bigint) AS repeats_count,
    CAST(sum(CASE WHEN known = 1 AND latency_us > late_us THEN 1 ELSE 0 END) AS bigint) AS late_count,
    CAST(NULL AS bigint) AS time_us,
    CAST(NULL AS bigint) AS median_us,
    CAST(NULL AS bigint) AS p95_us
FROM event
GROUP BY day, week, source, event_type, quarantined
UNION ALL
SELECT
    day,
    week,
    'latency' AS subject,
    NULL AS source,
    NULL AS event_type,
    NULL AS quarantined,
    connection_id,
    count(*) AS rows_count,
    0 AS repeats_count,
    0 AS late_count,
    CAST(NULL AS bigint) AS time_us,
    min(CASE WHEN at_or_below * 100 >= of_known * 50 THEN latency_us END) AS median_us,
    min(CASE WHEN at_or_below * 100 >= of_known * 95 THEN latency_us END) AS p95_us
FROM ranked
WHERE known = 1
GROUP BY day, week, connection_id
UNION ALL
SELECT
    calendar.day,
    calendar.week,
    'redelivery' AS subject,
    NULL AS source,
    NULL AS event_type,
    NULL AS quarantined,
    NULL AS connection_id,
    CAST(sum(fact.deliveries) AS bigint) AS rows_count,
    0 AS repeats_count,
    0 AS late_count,
    CAST(NULL AS bigint) AS time_us,
    CAST(NULL AS bigint) AS median_us,
    CAST(NULL AS bigint) AS p95_us
FROM facts.redeliveries AS fact
JOIN calendar
    ON calendar.utc_day = fact.utc_day
    AND calendar.start_us <= fact.at_us
    AND fact.at_us < calendar.end_us
GROUP BY calendar.day, calendar.week
UNION ALL
SELECT
    calendar.day,
    calendar.week,
    'semantic_duplicate' AS subject,
    NULL AS source,
    NULL AS event_type,
    NULL AS quarantined,
    NULL AS connection_id,
    CAST(sum(fact.semantic_duplicate) AS bigint) AS rows_count,
    0 AS repeats_count,
    0 AS late_count,
    CAST(NULL AS bigint) AS time_us,
    CAST(NULL AS bigint) AS median_us,
    CAST(NULL AS bigint) AS p95_us
FROM facts.timeline AS fact
JOIN calendar
    ON calendar.utc_day = fact.utc_day
    AND calendar.start_us <= fact.at_us
    AND fact.at_us < calendar.end_us
GROUP BY calendar.day, calendar.week
UNION ALL
SELECT
    calendar.day,
    calendar.week,
    'rejection' AS subject,
    fact.reason AS source,
    NULL AS event_type,
    NULL AS quarantined,
    NULL AS connection_id,
    CAST(sum(fact.refused) AS bigint) AS rows_count,
    0 AS repeats_count,
    0 AS late_count,
    CAST(NULL AS bigint) AS time_us,
    CAST(NULL AS bigint) AS median_us,
    CAST(NULL AS bigint) AS p95_us
FROM facts.rejections AS fact
JOIN calendar
    ON calendar.utc_day = fact.utc_day
    AND calendar.start_us <= fact.at_us
    AND fact.at_us < calendar.end_us
GROUP BY calendar.day, calendar.week, fact.reason
UNION ALL
SELECT
    day,
    week,
    'outage' AS subject,
    NULL AS source,
    NULL AS event_type,
    NULL AS quarantined,
    NULL AS connection_id,
    CAST(sum(begins) AS bigint) AS rows_count,
    0 AS repeats_count,
    0 AS late_count,
    CAST(sum(length_us) AS bigint) AS time_us,
    CAST(NULL AS bigint) AS median_us,
    CAST(NULL AS bigint) AS p95_us
FROM outage
GROUP BY day, week
