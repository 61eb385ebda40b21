-- Put a verdict on record.
INSERT INTO intake.verifications (verified_at, since, position, result, completeness, first_wrong, signatures)
VALUES (%(verified_at)s, %(since)s, %(position)s, %(result)s, %(completeness)s, %(first_wrong)s, %(signatures)s)
