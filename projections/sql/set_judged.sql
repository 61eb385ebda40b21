-- Calls were judged as of this instant.
UPDATE calls.progress SET judged_at = greatest(judged_at, %(as_of)s) WHERE judged_at IS NULL OR judged_at < %(as_of)s
