-- The first position that may not be visible in the read models yet.
SELECT coalesce((SELECT min(unfolded_position) FROM calls.reviews WHERE unfolded_position IS NOT NULL),
                (SELECT position FROM calls.progress))
