-- As of when the read models are: what is registered, what waits to be folded, what was judged last and is due next.
SELECT progress.position,
       (SELECT count(*) FROM calls.reviews WHERE unfolded_position IS NOT NULL) AS unfolded,
       facts.us(progress.judged_at) AS judged_us,
       facts.us((SELECT min(due_at) FROM calls.reviews)) AS due_us
FROM calls.progress
