"""Events made up for tests: one leg, one session, times in milliseconds from the epoch."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson
from hypothesis import settings
from hypothesis import strategies as st

from calls import stored
from calls.circumstances import Command, DetailRecord
from calls.event import RANKS, Event
from calls.fold import fold
from calls.instants import MILLISECOND, to_text
from calls.policy import About, Judgement, Policy
from calls.records import CallLeg, CallRecord

LEGS = ("leg-1", "leg-2")
IDENTITY = {"call_leg_id": "leg-1", "call_session_id": "ses-1", "connection_id": "con-1"}


def event(
    event_type: str,
    at_ms: float | None,
    *,
    position: int = 0,
    event_id: str | None = None,
    received_ms: float | None = None,
    **payload: Any,
) -> Event:
    """Make the event of a webhook, as the log gives it back; received when it occurred unless told."""
    data = {
        "id": event_id or f"{event_type}@{at_ms}#{position}",
        "event_type": event_type,
        "occurred_at": None if at_ms is None else to_text(round(at_ms * MILLISECOND)),
        "payload": {**IDENTITY, **payload},
    }
    received_ms = (at_ms or 0) if received_ms is None else received_ms
    body = orjson.dumps({"data": data})
    return stored.event(position, "webhook", round(received_ms * MILLISECOND), body)


def said(
    state: str,
    at_ms: float,
    *,
    command_id: str = "c-1",
    control_id: str | None = "v3:1",
    position: int = 0,
    **payload: Any,
) -> Event:
    """Make the event of a command as the gateway puts it on record, received when it occurred."""
    data = {
        "id": f"{command_id} {state} {at_ms}",
        "event_type": f"command.{state}",
        "occurred_at": to_text(round(at_ms * MILLISECOND)),
        "payload": {"command_id": command_id, "call_control_id": control_id, **payload},
    }
    return stored.event(position, "gateway", round(at_ms * MILLISECOND), orjson.dumps({"data": data}))


def numbered(*events: Event) -> list[Event]:
    """Give the events positions in the order given."""
    return [replace(event, position=position) for position, event in enumerate(events)]


def leg(hangup_ms: int | None = None, **fields: Any) -> CallLeg:
    """Make the row of an answered leg."""
    made = CallLeg(
        call_session_id="ses-1",
        finality="provisional",
        positions=(),
        call_leg_id="leg-1",
        call_control_id=None,
        connection_id="con-1",
        direction="incoming",
        from_number=None,
        to_number=None,
        status="in_progress" if hangup_ms is None else "ended_answered",
        initiated_at=0,
        answered_at=2_000_000,
        bridged_at=None,
        hangup_at=None if hangup_ms is None else hangup_ms * MILLISECOND,
        answer_evidence="webhook",
        talk_us=None,
        talk_ms=None,
        hangup_cause=None,
        hangup_cause_name=None,
        hangup_cause_q850=None,
        hangup_source=None,
        sip_hangup_cause=None,
        tags=(),
        flags=(),
    )
    return replace(made, **fields)


def hours(count: float) -> int:
    """Give a duration in microseconds."""
    return round(count * 3_600_000_000)


UNTIMED = settings(deadline=None)
"""For properties that fold many sessions: a deadline would test how busy the machine is."""

SHORT = Policy(skew_tolerance_ms=2, late_grace_ms=4, stale_after_ms=6, refer_timeout_ms=5)
"""A policy under which everything that time does happens within milliseconds."""

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 999) | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=3,
)
_SAID: dict[str, st.SearchStrategy[Any]] = {
    "client_state": st.sampled_from([None, "", "QQ==", "Qg=="]),
    "sip_notify_response": st.sampled_from([100, 180, 200, 486, 603]),
    "hangup_cause": st.sampled_from(["normal_clearing", "no_answer"]),
    "sip_hangup_cause": st.sampled_from(["200", "480", 200]),
    "digit": st.sampled_from(["*", "**"]),
    "tags": st.just(["a"]),
    "recording_started_at": st.sampled_from(["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.004Z"]),
    "recording_ended_at": st.sampled_from(["1970-01-01T00:00:01Z", "1970-01-01T00:00:00.009Z"]),
    "direction": st.just("incoming"),
}
_PAYLOADS = st.fixed_dictionaries({}, optional={key: said | _JSON for key, said in _SAID.items()})
_TYPES = [
    *RANKS,
    "call.dtmf.received",
    "call.cost",
    "call.siprec.started",
    "conference.recording.saved",
    "new",
]


@st.composite
def sessions(draw: st.DrawFn) -> list[Event]:
    """Draw the events of a session in any order: conflicts, repeats, missing legs and times included."""
    events = [
        event(
            draw(st.sampled_from(_TYPES)),
            draw(st.integers(0, 15) | st.none()),
            event_id=draw(st.sampled_from("abcdefghijkl")),
            received_ms=draw(st.integers(0, 40)),
            call_leg_id=draw(st.sampled_from(["leg-1", "leg-1", "leg-2", None])),
            **draw(_PAYLOADS),
        )
        for _ in range(draw(st.integers(0, 9)))
    ]
    return numbered(*events)


_AT = st.integers(0, 15).map(lambda at_ms: at_ms * MILLISECOND)
_COMMANDS = st.builds(
    Command,
    st.sampled_from(LEGS),
    st.sampled_from(["siprec_start", "siprec_start", "siprec_stop"]),
    st.none() | _AT,
    st.sampled_from([None, "both_tracks", "inbound_track", "outbound_track"]),
)
_RECORDS = st.builds(
    DetailRecord,
    st.sampled_from(["siprec-client", "recording", "call-control"]),
    st.sampled_from(LEGS),
    st.none() | _AT,
    st.none() | _AT,
)
_POLICIES = st.builds(
    replace,
    st.just(SHORT),
    in_scope=st.sampled_from([True, True, True, False]),
    must_not_record=st.sampled_from([False, False, False, True]),
    start_grace_ms=st.integers(0, 5),
    stop_tolerance_ms=st.integers(0, 5),
    gap_tolerance_ms=st.integers(0, 5),
    late_grace_ms=st.integers(0, 4),
    stale_after_ms=st.integers(0, 6),
    min_duration_ms=st.sampled_from([0, 0, 3]),
    accepted_sources=st.sampled_from([("siprec", "native"), ("siprec",), ("native",)]),
    required_track=st.sampled_from(["both_tracks", "both_tracks", "inbound_track"]),
)


@dataclass(frozen=True)
class InForce:
    """Judges by one policy before an instant and by another from then on, as versions come into force."""

    before: Policy
    after: Policy
    since: int

    def judge(self, about: About, at: int | None) -> Judgement:  # noqa: ARG002  all legs alike
        """Say which version was in force."""
        return Judgement(self.before, 1) if at is None or at < self.since else Judgement(self.after, 2)


@dataclass(frozen=True)
class Beside:
    """What a session is judged by beside its events."""

    judge: InForce
    outages: list[tuple[int, int]]
    commands: list[Command]
    reconciliation: list[DetailRecord]

    def fold(self, events: Iterable[Event], as_of: int) -> CallRecord:
        """Fold events under all that."""
        return fold(
            events,
            as_of,
            self.judge,
            outages=self.outages,
            commands=self.commands,
            reconciliation=self.reconciliation,
        )


def besides() -> st.SearchStrategy[Beside]:
    """Draw policies, outages, commands and records for ``sessions``."""
    outages = st.lists(st.tuples(_AT, _AT), max_size=2)
    return st.builds(
        Beside,
        st.builds(InForce, _POLICIES, _POLICIES, _AT),
        outages,
        st.lists(_COMMANDS, max_size=3),
        st.lists(_RECORDS, max_size=2),
    )
