-- Every checkpoint, smallest first.
SELECT size, origin, note FROM log.checkpoints ORDER BY size
