-- Add refusals that were not looked at to the day's counts; further addresses are counted together.
INSERT INTO intake.rejection_counts AS counted (utc_day, reason, remote_address, refused, kept, kept_bytes)
SELECT %(utc_day)s, %(reason)s,
       CASE WHEN coalesce(bool_or(remote_address = %(network)s), false) OR count(*) < %(addresses_max)s::bigint
            THEN %(network)s::text ELSE 'other' END,
       %(refused)s, 0, 0
FROM intake.rejection_counts WHERE utc_day = %(utc_day)s AND reason = %(reason)s
ON CONFLICT (utc_day, reason, remote_address) DO UPDATE SET refused = counted.refused + excluded.refused
