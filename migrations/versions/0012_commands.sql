-- Commands that were asked of the gateway, and what came of them.
CREATE TABLE calls.commands (
    call_session_id text NOT NULL,
    call_leg_id text,
    seq bigint NOT NULL,
    command_id text NOT NULL,
    call_control_id text,
    connection_id text,
    action text,
    method text,
    path text,
    actor text,
    key_id text,
    purpose text,
    ticket text,
    client_address text,
    user_agent text,
    parameters jsonb,
    target text,
    siprec_track text,
    connector_name text,
    supervisor_role text,
    state text NOT NULL,
    requested_at timestamptz,
    sent_at timestamptz,
    answered_at timestamptz,
    confirmed_at timestamptz,
    outcome text,
    http_status bigint,
    error_code text,
    reason text,
    refused_by text,
    approved_by text,
    repeats bigint NOT NULL,
    flags text[] NOT NULL,
    finality text NOT NULL,
    revision bigint NOT NULL,
    revised_by text,
    positions bigint[] NOT NULL,
    PRIMARY KEY (call_session_id, command_id),
    CONSTRAINT state_known CHECK (state IN (
        'requested', 'awaiting_approval', 'denied', 'sent', 'accepted', 'refused', 'in_doubt', 'confirmed', 'expired')),
    CONSTRAINT finality_known CHECK (finality IN ('provisional', 'final'))
);
CREATE INDEX commands_by_request ON calls.commands (requested_at);

COMMENT ON TABLE calls.commands IS 'One row a command that was asked of the gateway: who, why, what, and what came of it.';
COMMENT ON COLUMN calls.commands.call_session_id IS 'The session; the control id, else the command''s own id, while its call is not known.';
COMMENT ON COLUMN calls.commands.call_leg_id IS 'The leg, null while it is not known.';
COMMENT ON COLUMN calls.commands.seq IS 'Its number among the commands of the session, in order of time.';
COMMENT ON COLUMN calls.commands.command_id IS 'The gateway''s id of it, as in X-Audit-Command-Id.';
COMMENT ON COLUMN calls.commands.call_control_id IS 'Which call was named.';
COMMENT ON COLUMN calls.commands.connection_id IS 'The Telnyx connection of the leg, or the one that a new call was asked for on.';
COMMENT ON COLUMN calls.commands.action IS 'Telnyx''s name of it; dial for a new call; null where it is about no call.';
COMMENT ON COLUMN calls.commands.method IS 'The HTTP method.';
COMMENT ON COLUMN calls.commands.path IS 'The path, as it was sent.';
COMMENT ON COLUMN calls.commands.actor IS 'Who asked: the name of the API key.';
COMMENT ON COLUMN calls.commands.key_id IS 'The API key.';
COMMENT ON COLUMN calls.commands.purpose IS 'Why, as they said.';
COMMENT ON COLUMN calls.commands.ticket IS 'The ticket they named.';
COMMENT ON COLUMN calls.commands.client_address IS 'From where.';
COMMENT ON COLUMN calls.commands.user_agent IS 'What program asked.';
COMMENT ON COLUMN calls.commands.parameters IS 'As asked for, secrets masked.';
COMMENT ON COLUMN calls.commands.target IS 'Where a transfer or a new call goes.';
COMMENT ON COLUMN calls.commands.siprec_track IS 'Which track a recording was asked for; null: both.';
COMMENT ON COLUMN calls.commands.connector_name IS 'The SIPREC connector asked for.';
COMMENT ON COLUMN calls.commands.supervisor_role IS 'The role that a supervisor was given.';
COMMENT ON COLUMN calls.commands.state IS 'requested, awaiting_approval, denied, sent, accepted, refused, in_doubt, confirmed or expired.';
COMMENT ON COLUMN calls.commands.requested_at IS 'When it was asked for.';
COMMENT ON COLUMN calls.commands.sent_at IS 'When it was put on record that it goes out.';
COMMENT ON COLUMN calls.commands.answered_at IS 'When Telnyx answered, or was given up.';
COMMENT ON COLUMN calls.commands.confirmed_at IS 'When what it asked for happened.';
COMMENT ON COLUMN calls.commands.outcome IS 'What confirmed it says: started, failed, stopped, echoed, or a transfer''s outcome.';
COMMENT ON COLUMN calls.commands.http_status IS 'What was answered.';
COMMENT ON COLUMN calls.commands.error_code IS 'Telnyx''s code of a refusal.';
COMMENT ON COLUMN calls.commands.reason IS 'The gateway''s own reason of a refusal or doubt.';
COMMENT ON COLUMN calls.commands.refused_by IS 'telnyx or gateway.';
COMMENT ON COLUMN calls.commands.approved_by IS 'Who approved or denied it.';
COMMENT ON COLUMN calls.commands.repeats IS 'How often it was asked for again, and not sent.';
COMMENT ON COLUMN calls.commands.flags IS 'call_unknown, contradictory_answers, request_missing, unknown_values, unresolved.';
COMMENT ON COLUMN calls.commands.finality IS 'provisional while an answer, a webhook or a decision may still come.';
COMMENT ON COLUMN calls.commands.revision IS '1, or more where the call was revised after it was final.';
COMMENT ON COLUMN calls.commands.revised_by IS 'The event that revised it last.';
COMMENT ON COLUMN calls.commands.positions IS 'Log positions it rests on.';

COMMENT ON TABLE calls.leg_sessions IS 'Which sessions the events of a leg name; a call control id stands there like a leg, for commands.';

DROP VIEW facts.commands;
CREATE VIEW facts.commands AS
SELECT
    command_id,
    call_session_id,
    call_leg_id,
    connection_id,
    action,
    actor,
    purpose,
    ticket,
    state,
    http_status,
    facts.us(coalesce(requested_at, sent_at, answered_at)) AS at_us,
    facts.utc_day(coalesce(requested_at, sent_at, answered_at)) AS utc_day,
    facts.us(answered_at) AS answered_us,
    facts.us(confirmed_at) AS confirmed_us,
    facts.json(positions) AS positions,
    key_id,
    target,
    outcome,
    error_code,
    reason,
    refused_by,
    approved_by,
    repeats,
    facts.json(flags) AS flags,
    finality
FROM calls.commands;
COMMENT ON VIEW facts.commands IS 'Commands and what came of them, placed by when they were asked for.';

GRANT SELECT, INSERT, UPDATE, DELETE ON calls.commands TO @worker@;
GRANT SELECT ON calls.commands TO @analyst@, @auditor@;
GRANT SELECT ON facts.commands TO @worker@, @analyst@, @auditor@;
