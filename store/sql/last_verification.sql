-- The verdict that was put on record last.
SELECT verified_at, since, position, result, completeness, first_wrong, signatures
FROM intake.verifications
ORDER BY verification_id DESC
LIMIT 1
