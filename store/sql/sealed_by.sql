-- The last checkpoint that was sealed by an instant.
SELECT size, sealed_at FROM log.checkpoints WHERE sealed_at <= %(by)s ORDER BY checkpoint_id DESC LIMIT 1
