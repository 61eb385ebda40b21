-- The number of the policy that was applied last; 0: none was.
SELECT coalesce(max(version), 0) FROM calls.policies
