-- Call legs by how they went: answered or not, by what cause, in which direction, with talk times and answer delays.
WITH leg AS (
    SELECT
        calendar.day,
        calendar.week,
        calendar.hour,
        CASE WHEN asked.by_connection = 1 THEN fact.connection_id END AS connection_id,
        CASE WHEN asked.by_number = 1 THEN fact.number END AS number,
        tagged.value AS tag,
        fact.direction,
        fact.hangup_cause_q850,
        fact.hangup_cause_name,
        fact.finality,
        CASE
            WHEN fact.answered_us IS NOT NULL THEN 'answered'
            WHEN fact.status = 'ended_unanswered' THEN 'unanswered'
            ELSE 'undecided'
        END AS kind,
        fact.talk_us,
        CASE WHEN fact.talk_us IS NOT NULL THEN 1 ELSE 0 END AS talk_known,
        CASE WHEN fact.answered_us >= fact.initiated_us THEN fact.answered_us - fact.initiated_us END AS delay_us,
        CASE WHEN fact.answered_us >= fact.initiated_us THEN 1 ELSE 0 END AS delay_known
    FROM facts.call_legs AS fact
    JOIN calendar
        ON calendar.utc_day = fact.utc_day
        AND calendar.start_us <= fact.at_us
        AND fact.at_us < calendar.end_us
    CROSS JOIN asked
    LEFT JOIN tagged ON tagged.tags = CASE WHEN asked.by_tag = 1 THEN fact.tags END
),

ranked AS (
    SELECT
        leg.*,
        count(*) OVER (PARTITION BY day, week, hour, connection_id, number, tag, talk_known ORDER BY talk_us)
            AS talk_at_or_below,
        count(*) OVER (PARTITION BY day, week, hour, connection_id, number, tag, talk_known) AS of_talk,
        count(*) OVER (PARTITION BY day, week, hour, connection_id, number, tag, delay_known ORDER BY delay_us)
            AS delay_at_or_below,
        count(*) OVER (PARTITION BY day, week, hour, connection_id, number, tag, delay_known) AS of_delay
    FROM leg
)

-- The smallest of a percentile's column over the rows of a group is that group's, by nearest rank.
SELECT
    day,
    week,
    hour,
    connection_id,
    number,
    tag,
    direction,
    kind,
    hangup_cause_q850,
    hangup_cause_name,
    count(*) AS legs_count,
    CAST(sum(CASE WHEN finality = 'provisional' THEN 1 ELSE 0 END) AS bigint) AS provisional_count,
    CAST(sum(talk_known) AS bigint) AS talk_known_count,
    CAST(sum(talk_us) AS bigint) AS talk_sum_us,
    min(CASE WHEN talk_known = 1 AND talk_at_or_below * 100 >= of_talk * 50 THEN talk_us END) AS talk_median_us,
    min(CASE WHEN talk_known = 1 AND talk_at_or_below * 100 >= of_talk * 90 THEN talk_us END) AS talk_p90_us,
    CAST(sum(delay_known) AS bigint) AS answer_delay_known_count,
    min(CASE WHEN delay_known = 1 AND delay_at_or_below * 100 >= of_delay * 50 THEN delay_us END)
        AS answer_delay_median_us,
    min(CASE WHEN delay_known = 1 AND delay_at_or_below * 100 >= of_delay * 95 THEN delay_us END)
        AS answer_delay_p95_us
FROM ranked
GROUP BY day, week, hour, connection_id, number, tag, direction, kind, hangup_cause_q850, hangup_cause_name
