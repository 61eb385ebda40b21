-- Refusals that may prove genuine and were not readmitted, in the order they came.
SELECT rejection_id, received_at, remote_address, reason, body, content_type, signed_timestamp, signature, sealed_body
FROM intake.rejections
WHERE reason = %(reason)s AND readmitted_at IS NULL AND rejection_id > %(after)s
ORDER BY rejection_id
LIMIT %(limit)s
