-- The checkpoint that was sealed last: not the largest, once a log was continued from a backup.
SELECT note
FROM log.checkpoints
ORDER BY checkpoint_id DESC
LIMIT 1
