-- Hold refusals that nobody has readmitted: who comes second waits, and then finds that it was done. Without the lock
-- two would each put it on the record that they readmitted the same deliveries.
SELECT rejection_id FROM intake.rejections
WHERE rejection_id = ANY(%(rejection_ids)s::bigint[]) AND readmitted_at IS NULL
ORDER BY rejection_id
FOR UPDATE
