-- The refusals that came last, without their bytes.
SELECT rejection_id, received_at, remote_address, reason, body_bytes,
       CASE WHEN sealed_body IS NOT NULL THEN octet_length(sealed_body) ELSE coalesce(octet_length(body), 0) END
           AS kept_bytes,
       content_type, signed_timestamp,
       CASE WHEN readmitted_at IS NOT NULL THEN 'done'
            WHEN reason <> %(evidence)s THEN 'no'
            WHEN signature IS NULL OR (body IS NULL AND sealed_body IS NULL) THEN 'bytes not kept'
            ELSE 'with its key' END AS readmissible,
       readmitted_at
FROM intake.rejections
WHERE (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
  AND (%(reason)s::text IS NULL OR reason = %(reason)s)
ORDER BY received_at DESC, rejection_id DESC
LIMIT %(limit)s
