"""Commands as they went through the gateway: their states, and what webhooks make of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.event import Event
from calls.fold import fold, fold_with_history
from calls.instants import MILLISECOND, SECOND
from calls.policy import DEFAULT, Policy
from calls.records import CallRecord, SentCommand
from tests.unit.calls import made

MINUTE_MS = 60_000
NAMED = {"call_control_id": "v3:1"}
CALL = (
    made.event("call.initiated", 0, direction="incoming", **NAMED),
    made.event("call.answered", 1_000, **NAMED),
    made.event("call.hangup", 60_000, hangup_cause="normal_clearing", sip_hangup_cause="200", **NAMED),
)
LATE = made.hours(9)
ASKED = {"actor": "ada", "key_id": "k", "purpose": "training", "method": "POST"}


def asked(action: str, at_ms: float = 2_000, command_id: str = "c-1", **parameters: Any) -> list[Event]:
    """Make a command that was sent and taken."""
    more = {"action": action, "command_id": command_id}
    return [
        made.said("requested", at_ms, parameters=parameters, **more, **ASKED),
        made.said("sent", at_ms, **more),
        made.said("accepted", at_ms + 200, http_status=200, **more),
    ]


def folded(*events: Event, as_of: int = LATE, policy: Policy = DEFAULT) -> CallRecord:
    """Fold a call and its commands."""
    return fold_with_history(made.numbered(*CALL, *events), as_of, policy)


def only(record: CallRecord) -> SentCommand:
    """Give the one command."""
    (row,) = record.commands
    return row


@pytest.mark.parametrize(
    ("action", "webhook", "payload", "outcome"),
    [
        ("siprec_start", "siprec.started", {}, "started"),
        ("siprec_start", "siprec.failed", {"failure_cause": "no_answer"}, "failed"),
        ("refer", "call.refer.started", {"sip_notify_response": 100}, "unconfirmed_call_ended"),
        ("client_state_update", "call.dtmf.received", {"client_state": "QQ=="}, "echoed"),
    ],
)
def test_a_command_is_confirmed_by_what_it_brings_about(
    action: str, webhook: str, payload: dict[str, Any], outcome: str
) -> None:
    """With when and how it came out; the webhook is among what the row rests on."""
    row = only(folded(*asked(action, client_state="QQ=="), made.event(webhook, 3_000, **NAMED, **payload)))
    assert (row.state, row.outcome, row.confirmed_at) == ("confirmed", outcome, 3_000 * MILLISECOND)
    assert (row.call_session_id, row.call_leg_id, row.connection_id) == ("ses-1", "leg-1", "con-1")
    assert (row.actor, row.purpose, row.finality) == ("ada", "training", "final")
    assert row.positions == (3, 4, 5, 6)


def test_a_stop_is_confirmed_by_its_stop() -> None:
    """Not by the start of the session that it ends."""
    webhooks = (made.event("siprec.started", 1_500, **NAMED), made.event("siprec.stopped", 9_000, **NAMED))
    rows = folded(*asked("siprec_start", 1_400), *asked("siprec_stop", 8_900, "c-2"), *webhooks).commands
    assert [(row.action, row.outcome, row.confirmed_at) for row in rows] == [
        ("siprec_start", "started", 1_500 * MILLISECOND),
        ("siprec_stop", "stopped", 9_000 * MILLISECOND),
    ]


def test_a_command_is_confirmed_by_the_first_that_follows_it() -> None:
    """A recording that is stopped, begins again, and ends with the call: the last stop is nobody's command."""
    sessions = [("started", 1_500), ("stopped", 4_000), ("started", 5_000), ("stopped", 59_000)]
    webhooks = [made.event(f"siprec.{kind}", at, **NAMED) for kind, at in sessions]
    (row,) = folded(*asked("siprec_stop", 3_900), *webhooks).commands
    assert (row.outcome, row.confirmed_at) == ("stopped", 4_000 * MILLISECOND)
    (again,) = folded(*asked("siprec_start", 4_900), *webhooks).commands
    assert again.confirmed_at == 5_000 * MILLISECOND


def test_what_comes_too_late_or_by_itself_confirms_nothing() -> None:
    """A stop with the hangup, a start hours later, a state that the leg had before: nobody's command did that."""
    ended = [made.event("siprec.started", 1_500, **NAMED), made.event("siprec.stopped", 60_000, **NAMED)]
    assert only(folded(*asked("siprec_stop"), *ended)).state == "expired"
    late = made.event("siprec.started", 2_400_000, **NAMED)
    assert only(folded(*asked("siprec_start")[:2], late)).state == "expired"
    had = made.event("call.dtmf.received", 1_500, client_state="QQ==", **NAMED)
    gives = made.event("call.dtmf.received", 3_000, client_state="QQ==", **NAMED)
    assert only(folded(*asked("client_state_update", client_state="QQ=="), had)).state == "accepted"
    assert only(folded(*asked("client_state_update", client_state="QQ=="), had, gives)).state == "accepted"
    assert only(folded(*asked("client_state_update", client_state="QQ=="), gives)).confirmed_at == 3_000 * MILLISECOND


def test_what_was_asked_for_and_never_went_out_expires() -> None:
    """The gateway ended in between: after half a minute it will not go out any more."""
    wanted = made.said("requested", 2_000, action="refer", **ASKED)
    soon, later = (only(folded(wanted, as_of=at * SECOND)) for at in (31, 32))
    alone = only(folded(made.said("approved", 5_000, actor="bob")))
    assert (alone.state, alone.expires_at) == ("expired", 35 * SECOND)
    assert (soon.state, soon.finality, later.state, later.flags) == (
        "requested",
        "provisional",
        "expired",
        ("never_sent",),
    )


def test_what_telnyx_took_and_never_did_expires() -> None:
    """A 200 is a promise: until its time is over it is accepted, then nobody knows."""
    begun = asked("siprec_start")
    early, late = (folded(*begun, as_of=at) for at in (2_200 * MILLISECOND + DEFAULT.late_grace_us - 1, LATE))
    assert (only(early).state, only(early).finality) == ("accepted", "provisional")
    assert only(late).state == "expired"
    refer = folded(*asked("refer"), as_of=2_200 * MILLISECOND + DEFAULT.late_grace_us)
    assert only(refer).state == "accepted"


@pytest.mark.parametrize("action", ["send_dtmf", "suppression_start", "suppression_stop", "switch_supervisor_role"])
def test_a_command_without_a_webhook_stays_accepted(action: str) -> None:
    """Nothing follows it that could say more."""
    row = only(folded(*asked(action, role="barge")))
    assert (row.state, row.finality, row.supervisor_role) == ("accepted", "final", "barge")


def test_a_refused_command_brought_nothing_about() -> None:
    """The webhook is the other one's, though this one is nearer to it."""
    refused = [
        *asked("siprec_start", 2_500, "c-2")[:2],
        made.said("refused", 2_600, command_id="c-2", action="siprec_start", by="telnyx"),
    ]
    rows = folded(*refused, *asked("siprec_start", 2_000, "c-1"), made.event("siprec.started", 3_000, **NAMED)).commands
    assert [(row.command_id, row.state, row.refused_by) for row in rows] == [
        ("c-1", "confirmed", None),
        ("c-2", "refused", "telnyx"),
    ]


def test_a_command_without_an_answer_is_in_doubt_until_something_shows() -> None:
    """After half a minute, by itself; a webhook settles it; else it expires, and one without webhooks is unresolved."""
    sent = asked("siprec_start")[:2]
    at = 2_000 * MILLISECOND
    soon, later = (only(folded(*sent, as_of=at + after * SECOND)) for after in (29, 30))
    assert (soon.state, later.state, later.reason) == ("sent", "in_doubt", None)
    assert only(folded(*sent, made.event("siprec.started", 3_000, **NAMED))).state == "confirmed"
    assert only(folded(*sent)).state == "expired"
    pressed = only(folded(*asked("send_dtmf")[:2]))
    assert (pressed.state, pressed.flags) == ("expired", ("unresolved",))


def test_approval_is_a_state_of_its_own() -> None:
    """It waits, is denied, or goes on under the same id, with who decided."""
    wanted = made.said("requested", 2_000, action="siprec_stop", **ASKED), made.said("approval_required", 2_001)
    assert only(folded(*wanted)).state == "awaiting_approval"
    denied = only(folded(*wanted, made.said("denied", 3_000, actor="bob")))
    assert (denied.state, denied.approved_by, denied.actor) == ("denied", "bob", "ada")
    went = only(folded(*wanted, made.said("approved", 3_000, actor="bob"), *asked("siprec_stop", 4_000)[1:]))
    assert (went.state, went.approved_by, went.requested_at) == ("expired", "bob", 2_000 * MILLISECOND)


def test_an_approval_that_nobody_used_in_time_expires() -> None:
    """Decided or not; until then it waits, and nothing of it was ever sent."""
    until = "1970-01-01T00:05:02.000000Z"
    waits = made.said("approval_required", 2_001, expires_at=until)
    wanted = made.said("requested", 2_000, action="siprec_stop", **ASKED), waits
    for decided in ([], [made.said("approved", 3_000, actor="bob")]):
        early, late = (only(folded(*wanted, *decided, as_of=at * SECOND)) for at in (301, 302))
        assert (early.state, early.finality) == ("awaiting_approval", "provisional")
        assert (late.state, late.finality, late.flags) == ("expired", "final", ("never_sent",))
        assert late.expires_at == early.expires_at == 302 * SECOND


def test_what_telnyx_lists_is_accepted_and_its_webhook_still_awaited() -> None:
    """A command in doubt that Telnyx's own list has did come there; the row says how that is known."""
    doubt = made.said("in_doubt", 9_000, action="siprec_start", reason="no_answer")
    sent = asked("siprec_start")[:2]
    listed = made.said("accepted", 2_100, by="call_events", position=0)
    before, after = (only(folded(*sent, doubt, *more, as_of=20 * SECOND)) for more in ((), (listed,)))
    assert (before.state, before.reason, after.state, after.reason) == ("in_doubt", "no_answer", "accepted", None)
    assert (before.flags, after.flags) == ((), ("accepted_by_call_events",))
    assert only(folded(*sent, doubt, listed)).state == "expired"
    pressed = only(folded(*asked("send_dtmf")[:2], doubt, listed))
    assert (pressed.state, pressed.finality, pressed.flags) == ("accepted", "final", ("accepted_by_call_events",))


def test_what_is_on_record_of_the_end_changes_nothing_but_that_it_is() -> None:
    """The end is worked out from webhooks; that the gateway said it, rightly or not, is told apart."""
    begun, started = asked("siprec_start"), made.event("siprec.started", 2_100, **NAMED)
    unsaid = only(folded(*begun, started))
    assert (unsaid.state, unsaid.recorded_state) == ("confirmed", "accepted")
    for also in ([], [made.said("expired", 999_000)]):
        said = only(folded(*begun, started, *also, made.said("confirmed", 2_100)))
        assert (said.state, said.recorded_state, said.outcome) == ("confirmed", "confirmed", "started")
    wrong = only(folded(*begun, made.said("confirmed", 2_100)))
    assert (wrong.state, wrong.recorded_state) == ("expired", "confirmed")


def test_a_command_for_a_call_that_nobody_heard_of_has_a_row_and_makes_no_call() -> None:
    """Under the control id, else its own; it is flagged."""
    for control_id, session in (("v3:unknown", "v3:unknown"), (None, "c-1")):
        events = [made.said("requested", 2_000, control_id=control_id, action="refer", **ASKED)]
        record = fold(made.numbered(*events), LATE)
        assert (record.call_sessions, record.call_legs, record.coverage) == ((), (), ())
        row = only(record)
        assert (row.call_session_id, row.call_leg_id, row.flags, row.state) == (
            session,
            None,
            ("call_unknown", "never_sent"),
            "expired",
        )
        assert [entry.call_session_id for entry in record.timeline] == [session]


def test_a_webhook_that_calls_itself_a_command_is_none() -> None:
    """Only what the gateway put on record counts."""
    forged = made.event("command.requested", 2_000, command_id="c-1", **NAMED)
    record = folded(forged)
    assert record.commands == ()
    assert "unknown_type" in record.timeline[2].flags


def test_commands_stand_in_the_timeline_and_change_nothing_else() -> None:
    """In order, with a sentence each; legs, coverage and the count of events are those without them."""
    with_commands, without = folded(*asked("send_dtmf", digits="****")), folded()
    assert [(entry.seq, entry.event_type) for entry in with_commands.timeline] == [
        (1, "call.initiated"),
        (2, "call.answered"),
        (3, "command.requested"),
        (4, "command.sent"),
        (5, "command.accepted"),
        (6, "call.hangup"),
    ]
    assert with_commands.timeline[2].sentence == "ada asked for the command send_dtmf."
    for table in ("call_sessions", "call_legs", "coverage", "coverage_spans"):
        assert getattr(with_commands, table) == getattr(without, table)


def test_a_track_that_was_asked_for_counts_in_coverage() -> None:
    """A start that asked for one side alone covers that side: the command says so, no webhook does."""
    webhooks = made.event("siprec.started", 1_000, **NAMED), made.event("siprec.stopped", 60_000, **NAMED)
    (one_sided,) = folded(*asked("siprec_start", 900, siprec_track="inbound_track"), *webhooks).coverage
    (both,) = folded(*asked("siprec_start", 900), *webhooks).coverage
    assert (one_sided.verdict, both.verdict) == ("partial_track", "full")
    assert one_sided.track_evidence == both.track_evidence == "command"


STATES = (
    *("requested", "approval_required", "approved", "denied", "sent", "accepted", "refused", "in_doubt"),
    *("confirmed", "expired", "repeated"),
)
ACTIONS = ("siprec_start", "siprec_stop", "refer", "send_dtmf", "client_state_update")
SAID = st.builds(
    lambda state, at, named, action, control: made.said(
        state, at, command_id=named, control_id=control, action=action, parameters={"client_state": "QQ=="}
    ),
    st.sampled_from(STATES),
    st.integers(0, 15),
    st.sampled_from(["c-1", "c-2", "c-3"]),
    st.sampled_from(ACTIONS),
    st.sampled_from(["v3:1", "v3:2", None]),
)


@made.UNTIMED
@given(made.sessions(), st.lists(SAID, max_size=8), st.integers(0, 60).map(lambda ms: ms * MILLISECOND), st.randoms())
def test_order_and_repeats_change_nothing_and_neither_does_time_before_the_review(
    events: list[Event], said: list[Event], as_of: int, chance: Any
) -> None:
    """A pure function of the set of events, constant up to the next review."""
    known = made.numbered(*events, *said)
    record = fold(known, as_of, made.SHORT)
    shuffled = [*known, *known[: len(known) // 2]]
    chance.shuffle(shuffled)
    assert fold(shuffled, as_of, made.SHORT) == record
    if record.review_at is not None:
        assert record.review_at > as_of
        assert fold(known, record.review_at - 1, made.SHORT) == record
    names = [row.command_id for row in record.commands]
    assert len(names) == len(set(names)) == len({event.payload["command_id"] for event in said})
