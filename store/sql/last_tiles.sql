-- The number of the last tile of each level.
SELECT level, max(index) FROM log.tiles GROUP BY level ORDER BY level
