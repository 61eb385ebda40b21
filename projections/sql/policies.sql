-- Every version of the policy, in the order in which they were applied. Microseconds: no zone can make them unreadable.
SELECT version, position, (extract(epoch FROM in_force_at) * 1000000)::bigint, sha256, document
FROM calls.policies
ORDER BY version
