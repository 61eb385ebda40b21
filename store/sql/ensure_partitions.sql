-- Make partitions well ahead of a position; gives the first position that has none.
SELECT log.ensure_partitions(%(upto)s::bigint)
