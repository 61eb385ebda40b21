-- What `log verify` found, each time: for the header of reports. No proof of anything; whoever doubts verifies again.
CREATE TABLE intake.verifications (
    verification_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verified_at timestamptz NOT NULL,
    since bigint NOT NULL,                  -- recomputed from this position on
    position bigint NOT NULL,               -- and up to, without, this one
    result text NOT NULL,
    completeness text NOT NULL,
    first_wrong text,                       -- the reason of the first thing that is wrong
    signatures boolean NOT NULL,            -- whether signatures were checked too
    CONSTRAINT result_known CHECK (result IN ('intact', 'broken')),
    CONSTRAINT completeness_known CHECK (completeness IN ('complete', 'incomplete', 'unknown')),
    CONSTRAINT position_from_zero CHECK (0 <= since AND since <= position)
);

-- The latest instant as of which a call was judged: silence up to then has been taken for what it proves.
ALTER TABLE calls.progress ADD COLUMN judged_at timestamptz;

GRANT SELECT, INSERT ON intake.verifications TO @worker@;
GRANT SELECT ON intake.verifications TO @auditor@;
