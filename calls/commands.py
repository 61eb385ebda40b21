"""Commands that went through the gateway: what it put on record of each, and what webhooks said since (design 7).

A 200 is a promise: a command that Telnyx took is confirmed by the webhook that it expects, where it expects one, and
expires without. What got no answer is in doubt until then. Only what the gateway itself said counts; a webhook cannot
make a command. That one was confirmed or expired is worked out here, not taken from the record: the gateway says it
there too (``recorded_state``), for whoever reads the log alone.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from calls import circumstances, instants, pairing, payloads
from calls.circumstances import SIPREC_START
from calls.event import Event, order
from calls.instants import SECOND, Instant
from calls.policy import DEFAULT, Policy
from calls.records import CallLeg, CallRecord, SentCommand

SOURCE = "gateway"
_PREFIX = "command."
_BEFORE = ("requested", "approval_required", "approved", "denied", "sent")
_ANSWERS = ("accepted", "refused", "in_doubt")
_SETTLED = ("confirmed", "expired")
_STATES = (*_BEFORE, *_ANSWERS, *_SETTLED)
_ORDER = (*_STATES, "repeated")

ANSWER_US = 30 * SECOND
"""The gateway waits no longer for Telnyx: without an answer by then it died, or its word was lost."""

ENDED = frozenset(("refused", "denied", "confirmed", "expired"))


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of a session's commands, and when time alone may change one."""

    rows: tuple[SentCommand, ...]
    review_at: Instant | None


@dataclass(frozen=True, slots=True)
class Told:
    """One command as the gateway tells it: the first event of each state, by what follows ``command.``."""

    command_id: str
    states: Mapping[str, Event]
    positions: tuple[int, ...]
    repeats: int
    leg_id: str | None

    def said(self, name: str) -> Any:
        """Give what an event of it says under a name: the first that says anything."""
        found = (event.payload.get(name) for event in self.states.values())
        return next((value for value in found if value is not None), None)

    def text(self, name: str) -> str | None:
        """Give it where it is a text."""
        value = self.said(name)
        return value if isinstance(value, str) else None

    def at(self, *states: str) -> Instant | None:
        """Give when it came to the first of these states that it came to."""
        return next((self.states[state].occurred_at for state in states if state in self.states), None)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Give what was asked for; empty where it was no object."""
        given = self.said("parameters")
        return cast("Mapping[str, Any]", given) if isinstance(given, dict) else {}

    @property
    def may_be_done(self) -> bool:
        """Tell whether Telnyx may have had it."""
        return "sent" in self.states and self.answer != "refused"

    @property
    def answer(self) -> str | None:
        """Give what was answered: the first of accepted and refused, else in_doubt, else nothing."""
        answers = [state for state in self.states if state in _ANSWERS]
        return next((state for state in answers if state != "in_doubt"), *(answers[:1] or [None]))


def split(events: Iterable[Event]) -> tuple[list[Event], list[Event]]:
    """Tell the provider's events from what the gateway put on record."""
    heard: list[Event] = []
    said: list[Event] = []
    for event in events:
        (said if event.source == SOURCE else heard).append(event)
    return heard, said


def alias(event: Event) -> str | None:
    """Give what an event of the gateway is known by until its call is: the control id, else the command's own id."""
    command_id = event.payload.get("command_id")
    return event.call_control_id or (command_id if isinstance(command_id, str) else None)


def told(said: Sequence[Event], heard: Iterable[Event]) -> list[Told]:
    """Sort what the gateway said by command, in the order in which they were first spoken of."""
    return _told(said, _legs(heard)) if said else []


def starts(commands: Iterable[Told]) -> list[circumstances.Command]:
    """Give the commands that may have started SIPREC sessions, for whoever reads those."""
    return [
        circumstances.Command(
            call_leg_id=each.leg_id,
            command=SIPREC_START,
            at=each.at("sent"),
            siprec_track=payloads.string(each.parameters, "siprec_track"),
            siprec_name=payloads.string(each.parameters, "connector_name"),
        )
        for each in commands
        if each.leg_id is not None and each.may_be_done and each.text("action") == SIPREC_START
    ]


def read(
    commands: Sequence[Told], heard: Sequence[Event], record: CallRecord, as_of: Instant, policies: Mapping[str, Policy]
) -> Reading:
    """Read the commands of a session whose rows are folded already."""
    confirmed = _confirmations(commands, heard, record, policies)
    call_session_id = record.call_sessions[0].call_session_id if record.call_sessions else None
    rows: list[SentCommand] = []
    reviews: list[Instant] = []
    for seq, each in enumerate(commands, 1):
        policy = policies.get(each.leg_id or "", DEFAULT)
        standing = _standing(each, each.command_id in confirmed, as_of, policy)
        name = call_session_id or each.text("call_control_id") or each.command_id
        rows.append(_row(each, name, seq, standing, confirmed.get(each.command_id), record))
        reviews += [] if standing.review_at is None else [standing.review_at]
    return Reading(tuple(rows), min(reviews, default=None))


def _legs(heard: Iterable[Event]) -> dict[str, str]:
    """Give the leg of each control id, as the first webhook has it that names both."""
    legs: dict[str, str] = {}
    for event in sorted((event for event in heard if event.occurred_at is not None), key=order):
        if event.call_control_id and event.call_leg_id:
            legs.setdefault(event.call_control_id, event.call_leg_id)
    return legs


def _told(said: Iterable[Event], legs: Mapping[str, str]) -> list[Told]:
    by_id: dict[str, dict[tuple[str, bytes], Event]] = {}
    for event in said:
        named, state = event.payload.get("command_id"), event.kind.removeprefix(_PREFIX)
        if isinstance(named, str) and state in _ORDER and event.occurred_at is not None:
            known = by_id.setdefault(named, {}).setdefault((event.event_id, event.canonical), event)
            if event.position < known.position:
                by_id[named][event.event_id, event.canonical] = event
    found = [_one(named, events.values(), legs) for named, events in by_id.items()]
    return sorted(found, key=lambda each: (min(e.occurred_at or 0 for e in each.states.values()), each.command_id))


def _one(command_id: str, events: Iterable[Event], legs: Mapping[str, str]) -> Told:
    in_order = sorted(events, key=lambda each: (each.occurred_at or 0, _rank(each), each.event_id, each.canonical))
    states: dict[str, Event] = {}
    for event in in_order:
        states.setdefault(event.kind.removeprefix(_PREFIX), event)
    control_id = next((event.call_control_id for event in in_order if event.call_control_id), None)
    return Told(
        command_id=command_id,
        states=states,
        positions=tuple(sorted(event.position for event in in_order)),
        repeats=sum(event.kind == "command.repeated" for event in in_order),
        leg_id=legs.get(control_id or ""),
    )


def _rank(event: Event) -> int:
    return _ORDER.index(event.kind.removeprefix(_PREFIX))


@dataclass(frozen=True, slots=True)
class _Confirmed:
    at: Instant
    outcome: str | None
    positions: tuple[int, ...]


def _confirmations(
    told: Sequence[Told], heard: Sequence[Event], record: CallRecord, policies: Mapping[str, Policy]
) -> dict[str, _Confirmed]:
    """Pair commands with what they brought about, leg by leg and in order; what was refused brought about nothing."""
    found: dict[str, _Confirmed] = {}
    asked: dict[tuple[str, str], list[Told]] = {}
    for each in told:
        if each.leg_id is not None and each.may_be_done:
            asked.setdefault((each.leg_id, each.text("action") or ""), []).append(each)
    for (leg_id, action), of_leg in asked.items():
        skew_us = policies.get(leg_id, DEFAULT).skew_us
        done = _effects(action, leg_id, record)
        ends, sent = [each.at for each in done], [each.at("sent") or 0 for each in of_leg]
        for end, start in pairing.nearest(sent, ends, skew_us).items():
            if ends[end] <= _expires_at(of_leg[start], policies.get(leg_id, DEFAULT)):
                found[of_leg[start].command_id] = done[end]
        if action == "client_state_update":
            found |= {each.command_id: echo for each in of_leg if (echo := _echo(each, leg_id, heard))}
    return found


def expects(action: str | None) -> bool:
    """Tell whether a webhook follows a command, which confirms it (the OpenAPI's "Expected Webhooks")."""
    return action in {"refer", SIPREC_START, "siprec_stop"}


def _effects(action: str, leg_id: str, record: CallRecord) -> list[_Confirmed]:
    """Give what a kind of command may have brought about on a leg, in order of time."""
    sessions = [each for each in record.siprec_sessions if each.call_leg_id == leg_id]
    found: list[tuple[Instant | None, str | None, tuple[int, ...]]] = []
    if action == SIPREC_START:
        found = [(each.started_at or each.ended_at, _begun(each.status), each.positions) for each in sessions]
    elif action == "siprec_stop":
        hangup_at = next((leg.hangup_at for leg in record.call_legs if leg.call_leg_id == leg_id), None)
        stopped = [each for each in sessions if each.end_evidence == "siprec.stopped" and each.ended_at is not None]
        found = [  # what ends with the call was stopped by nobody
            (each.ended_at, "stopped", each.positions)
            for each in stopped
            if hangup_at is None or (each.ended_at or 0) < hangup_at
        ]
    elif action == "refer":
        attempts = [each for each in record.refer_attempts if each.call_leg_id == leg_id]
        found = [(each.started_at or each.terminal_at, each.outcome, each.positions) for each in attempts]
    return sorted((_Confirmed(at, *rest) for at, *rest in found if at is not None), key=lambda each: each.at)  # pyright: ignore[reportArgumentType]


def _begun(status: str) -> str:
    return "failed" if status == "failed" else "started"


def _echo(told: Told, leg_id: str, heard: Sequence[Event]) -> _Confirmed | None:
    """Find the first event of the leg, since it was sent, that gives the state back which it set.

    Where the leg had that state before, nothing can show that it was set.
    """
    state, sent_at = told.parameters.get("client_state"), told.at("sent") or 0
    timed = sorted((each for each in heard if each.call_leg_id == leg_id and each.occurred_at is not None), key=order)
    before = [each for each in timed if (each.occurred_at or 0) < sent_at and "client_state" in each.payload]
    if not isinstance(state, str) or (before and before[-1].payload["client_state"] == state):
        return None
    since = timed[bisect_left(timed, sent_at, key=lambda each: each.occurred_at or 0) :]
    first = next((each for each in since if each.payload.get("client_state") == state), None)
    return None if first is None else _Confirmed(first.occurred_at or 0, "echoed", (first.position,))


@dataclass(frozen=True, slots=True)
class _Standing:
    """A command's state as of then, when it counts as expired, and when time alone changes it next."""

    state: str
    expires_at: Instant | None = None
    review_at: Instant | None = None


def _standing(told: Told, confirmed: bool, as_of: Instant, policy: Policy) -> _Standing:
    answer = told.answer
    if answer == "refused":
        return _Standing("refused")
    if "sent" not in told.states:
        return _unsent(told, as_of)
    if confirmed or (answer == "accepted" and not expects(told.text("action"))):
        return _Standing("confirmed" if confirmed else "accepted")
    sent_at = told.at("sent") or 0
    given_up_at = sent_at + ANSWER_US
    expires_at = _expires_at(told, policy)
    if as_of >= expires_at:
        return _Standing("expired", expires_at)
    if answer is None and as_of < given_up_at:
        return _Standing("sent", expires_at, given_up_at)
    return _Standing(answer or "in_doubt", expires_at, expires_at)


def _unsent(told: Told, as_of: Instant) -> _Standing:
    """Read what never went out: an approval counts for a time, whoever gave it."""
    waits = told.states.get("approval_required")
    if "denied" in told.states:
        return _Standing("denied")
    if waits is None:  # the gateway ended in between, and the word of its going out was lost with it
        state, expires_at = "requested", (told.at(*told.states) or 0) + ANSWER_US
    else:
        state, expires_at = "awaiting_approval", instants.parse(waits.payload.get("expires_at"))
    if expires_at is None or as_of < expires_at:
        return _Standing(state, expires_at, expires_at)
    return _Standing("expired", expires_at)


def _expires_at(told: Told, policy: Policy) -> Instant:
    """Say when a command that was sent counts as expired, if nothing shows until then."""
    answer, given_up_at = told.answer, (told.at("sent") or 0) + ANSWER_US
    return ((told.at(answer) if answer else given_up_at) or given_up_at) + _grace_us(told, policy)


def _grace_us(told: Told, policy: Policy) -> int:
    """Say how long a webhook is waited for: a transfer takes its time."""
    return policy.late_grace_us + (policy.refer_timeout_us if told.text("action") == "refer" else 0)


def _row(  # noqa: PLR0913, PLR0917  all that is known of one
    told: Told,
    call_session_id: str,
    seq: int,
    standing: _Standing,
    confirmed: _Confirmed | None,
    record: CallRecord,
) -> SentCommand:
    state = standing.state
    leg = next((leg for leg in record.call_legs if leg.call_leg_id == told.leg_id), None)
    answer = told.states.get(told.answer or "")
    refused = told.states.get("refused")
    texts = ("action", "method", "path", "actor", "key_id", "purpose", "ticket", "client_address", "user_agent")
    asked = told.states.get("requested", next(iter(told.states.values())))
    said: dict[str, Any] = {name: payloads.string(asked.payload, name) for name in texts}
    return SentCommand(
        call_session_id=call_session_id,
        finality="provisional" if standing.review_at is not None or _may_change(told, state, leg) else "final",
        positions=tuple(sorted({*told.positions, *(confirmed.positions if confirmed else ())})),
        call_leg_id=told.leg_id if leg is not None else None,
        seq=seq,
        command_id=told.command_id,
        call_control_id=told.text("call_control_id"),
        connection_id=leg.connection_id if leg else payloads.string(told.parameters, "connection_id"),
        **said,
        parameters=told.said("parameters"),
        target=payloads.string(told.parameters, "sip_address") or payloads.string(told.parameters, "to"),
        siprec_track=payloads.string(told.parameters, "siprec_track"),
        connector_name=payloads.string(told.parameters, "connector_name"),
        supervisor_role=payloads.string(told.parameters, "role"),
        state=state,
        recorded_state=_recorded(told, state),
        requested_at=told.at("requested"),
        sent_at=told.at("sent"),
        answered_at=None if answer is None else answer.occurred_at,
        confirmed_at=confirmed.at if confirmed else None,
        expires_at=standing.expires_at,
        outcome=confirmed.outcome if confirmed else None,
        http_status=_whole(answer, "http_status"),
        error_code=None if refused is None else payloads.string(refused.payload, "error_code"),
        reason=None if answer is None else payloads.string(answer.payload, "reason"),
        refused_by=None if refused is None else payloads.string(refused.payload, "by"),
        approved_by=_actor(told.states.get("approved") or told.states.get("denied")),
        repeats=told.repeats,
        flags=tuple(_flags(told, leg is not None, state)),
    )


def _may_change(told: Told, state: str, leg: CallLeg | None) -> bool:
    """Tell whether something may still come that makes it another state: the last webhooks of a leg may echo one."""
    if state == "accepted" and told.text("action") == "client_state_update":
        return leg is None or leg.finality != "final"
    return state not in {*ENDED, "accepted"}


def _recorded(told: Told, state: str) -> str | None:
    """Give the state where it is on record, else the furthest one that is."""
    if state in told.states:
        return state
    return next((each for each in reversed(_STATES) if each in told.states), None)


def _whole(event: Event | None, name: str) -> int | None:
    value = None if event is None else event.payload.get(name)
    return value if type(value) is int else None


def _actor(event: Event | None) -> str | None:
    return None if event is None else payloads.string(event.payload, "actor")


def _flags(told: Told, known: bool, state: str) -> Iterable[str]:
    """Give the flags of a command, sorted."""
    accepted = told.states.get("accepted")
    if accepted is not None and accepted.payload.get("by") == "call_events":
        yield "accepted_by_call_events"
    if not known:
        yield "call_unknown"
    if {"accepted", "refused"} <= told.states.keys():
        yield "contradictory_answers"
    if state == "expired" and "sent" not in told.states:
        yield "never_sent"
    if "requested" not in told.states:
        yield "request_missing"
    if told.said("warnings"):
        yield "unknown_values"
    if state == "expired" and told.answer in {None, "in_doubt"} and "sent" in told.states:
        yield "unresolved"
