-- Leaf hashes of a range of positions, in order.
SELECT position, leaf_hash
FROM log.events
WHERE position >= %(first)s::bigint AND position < %(end)s::bigint
ORDER BY position
