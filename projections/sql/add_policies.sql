-- Keep versions of the policy as they were applied.
INSERT INTO calls.policies (version, position, in_force_at, sha256, document)
SELECT * FROM unnest(%(version)s::bigint[], %(position)s::bigint[], %(in_force_at)s::timestamptz[], %(sha256)s::text[],
                     %(document)s::text[])
