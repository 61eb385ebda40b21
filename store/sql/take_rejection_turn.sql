-- One writer of refusals at a time: two batches that count the same reasons in another order would deadlock, and
-- each would be lost whole.
LOCK TABLE intake.rejection_counts IN SHARE ROW EXCLUSIVE MODE
