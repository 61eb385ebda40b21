-- How many events are under the newest checkpoint: a log that was continued may be sealed less far than before.
SELECT coalesce((SELECT size FROM log.checkpoints ORDER BY checkpoint_id DESC LIMIT 1), 0)
