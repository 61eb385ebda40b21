-- Count a refusal, and keep its row only while the day's quotas of its reason and address have room.
WITH used AS (
    SELECT coalesce(sum(kept_bytes), 0) AS reason_bytes,
           coalesce(sum(kept_bytes) FILTER (WHERE remote_address = %(network)s), 0) AS address_bytes,
           count(*) AS addresses,
           coalesce(bool_or(remote_address = %(network)s), false) AS known
    FROM intake.rejection_counts
    WHERE utc_day = (%(received_at)s::timestamptz AT TIME ZONE 'UTC')::date AND reason = %(reason)s
), room AS (
    SELECT reason_bytes + %(row_bytes)s <= %(reason_bytes_max)s
               AND address_bytes + %(row_bytes)s <= %(address_bytes_max)s
               AND (known OR addresses < %(addresses_max)s) AS fits,
           CASE WHEN known OR addresses < %(addresses_max)s THEN %(network)s ELSE 'other' END AS network
    FROM used
), kept AS (
    INSERT INTO intake.rejections
        (received_at, remote_address, reason, body, body_bytes, content_type, signed_timestamp, signature, sealed_body)
    SELECT %(received_at)s, %(remote_address)s, %(reason)s, %(body)s, %(body_bytes)s, %(content_type)s,
           %(signed_timestamp)s, %(signature)s, %(sealed_body)s
    FROM room WHERE fits
)
INSERT INTO intake.rejection_counts AS counted (utc_day, reason, remote_address, refused, kept, kept_bytes)
SELECT (%(received_at)s::timestamptz AT TIME ZONE 'UTC')::date, %(reason)s, network, 1, fits::int,
       fits::int * %(row_bytes)s
FROM room
ON CONFLICT (utc_day, reason, remote_address) DO UPDATE
SET refused = counted.refused + 1, kept = counted.kept + excluded.kept,
    kept_bytes = counted.kept_bytes + excluded.kept_bytes
