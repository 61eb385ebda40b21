-- Keep time in which nobody could take webhooks.
INSERT INTO calls.outages (position, began_at, ended_at, reason)
SELECT * FROM unnest(%(position)s::bigint[], %(began_at)s::timestamptz[], %(ended_at)s::timestamptz[],
                     %(reason)s::text[])
ON CONFLICT (position) DO UPDATE
SET began_at = excluded.began_at, ended_at = excluded.ended_at, reason = excluded.reason
