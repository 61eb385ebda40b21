-- Note that refusals are in the log now.
UPDATE intake.rejections SET readmitted_at = now() WHERE rejection_id = ANY(%(rejection_ids)s::bigint[])
