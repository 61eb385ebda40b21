-- Refused for their signature and not taken in since, with all that a later look at it needs.
SELECT signed_timestamp, signature, body, sealed_body FROM intake.rejections
WHERE reason = 'signature_mismatch' AND readmitted_at IS NULL
  AND signed_timestamp IS NOT NULL AND signature IS NOT NULL AND (body IS NOT NULL OR sealed_body IS NOT NULL)
  AND received_at >= %(begins)s::timestamptz
