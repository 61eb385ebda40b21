"""How a call is made up: a script writes the webhooks and, beside them, what is true.

A story (``recorders``, ``transfers``, ``media``, ``scenarios``) plans moments and calls these methods. A
webhook that a story loses is simply not written, and the truth then says what can still be known.
All moments of a leg share one phase of the 20 ms media clock, as the microseconds of real legs do.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from calls import instants
from calls.instants import MILLISECOND, Instant
from simulator import coverage
from simulator.coverage import Notes
from simulator.truth import TrueCall, TrueDtmf, TrueLeg, TrueNative, TrueRefer, TrueSiprec
from simulator.webhooks import Form, Mark, Webhook
from simulator.world import Connection, World

TICK_US = 20 * MILLISECOND

_Row = TypeVar("_Row", TrueSiprec, TrueRefer)

_PARTYLESS = ("siprec.", "call.siprec.", "call_siprec_", "streaming.", "conference.", "call.recording.")
_PARTYLESS_TYPES = frozenset(
    f"call.{name}"
    for name in (
        "cost",
        "transcription",
        "speak.started",
        "speak.ended",
        "playback.started",
        "playback.ended",
    )
)
_OUTSIDE_ANY_COUNT = (Mark.QUARANTINED, Mark.UNATTRIBUTED)


@dataclass(frozen=True, slots=True)
class Call:
    """A finished call: its webhooks in the order they happened, and the truth."""

    connection: Connection
    webhooks: tuple[Webhook, ...]
    truth: TrueCall


@dataclass(slots=True)
class CallScript:
    """One call session being made up."""

    world: World
    kind: str
    connection: Connection
    started_at: Instant
    session_id: str
    legs: list["LegScript"] = field(default_factory=list["LegScript"])
    webhooks: list[Webhook] = field(default_factory=list[Webhook])
    siprec: list[TrueSiprec] = field(default_factory=list[TrueSiprec])
    refers: list[TrueRefer] = field(default_factory=list[TrueRefer])
    natives: list[TrueNative] = field(default_factory=list[TrueNative])
    dtmf: list[TrueDtmf] = field(default_factory=list[TrueDtmf])

    @property
    def rng(self) -> random.Random:
        """The world's generator."""
        return self.world.rng

    def leg(self, direction: str, after_ms: int = 0) -> "LegScript":
        """Plan a leg: it is first seen ``after_ms`` into the call, then answered, then ends."""
        phase_us = self.rng.randrange(10) if after_ms else 0
        made = LegScript(self, direction, self.started_at + after_ms * MILLISECOND + phase_us)
        self.legs.append(made)
        return made

    def finish(self) -> Call:
        """Give the call with its truth; rows are numbered within their leg, by time."""
        self.webhooks.sort(key=lambda webhook: webhook.occurred_at)
        legs = tuple(leg.truth() for leg in self.legs)
        told = [(true, leg.notes) for true, leg in zip(legs, self.legs, strict=True)]
        covered, conversation = coverage.of_call(self.session_id, told, self.world.judgement(self.connection))
        truth = TrueCall(
            call_session_id=self.session_id,
            connection_id=self.connection.connection_id,
            kind=self.kind,
            events=sum(webhook.mark not in _OUTSIDE_ANY_COUNT for webhook in self.webhooks),
            legs=legs,
            coverage=covered,
            session_coverage=conversation,
            siprec_sessions=_numbered(self.siprec, lambda row: row.shown_at),
            refer_attempts=_numbered(self.refers, lambda row: row.started_at),
            native_recordings=tuple(self.natives),
            dtmf=tuple(sorted(self.dtmf, key=lambda row: row.occurred_at)),
        )
        return Call(self.connection, tuple(self.webhooks), truth)


@dataclass(slots=True)
class LegScript:
    """One leg being made up. ``answered`` and ``ends`` are the plan, ``known_*`` what webhooks told."""

    call: CallScript
    direction: str
    base: Instant
    leg_id: str = ""
    control_id: str = ""
    from_number: str = ""
    to_number: str = ""
    client_state: str | None = None
    answered: Instant = 0
    ends: Instant = 0
    known_initiated: Instant | None = None
    known_answer: Instant | None = None
    answer_evidence: str | None = None
    known_hangup: Instant | None = None
    hangup_cause: str | None = None
    picked_up: bool = False
    flags: list[str] = field(default_factory=list[str])
    notes: Notes = field(default_factory=Notes)

    def __post_init__(self) -> None:
        """Name the leg and plan its life: 2 to 15 s of ringing, half a minute to 25 minutes of talk."""
        name, rng = self.call.world.name, self.call.rng
        self.leg_id, self.control_id = name.leg_id(self.base), name.control_id()
        self.from_number, self.to_number = name.number(), name.number()
        self.client_state = rng.choice((None, "", "eyJkZXNrIjoic2FsZXMifQ==", "aGF2ZSBhIG5pY2UgZGF5ID1d"))
        self.answered = self.later(self.base, 2_000, 15_000)
        talk_ms = min(1_500_000, 30_000 + int(rng.expovariate(1 / 170_000)))
        self.ends = self.later(self.answered, talk_ms, talk_ms)

    @property
    def rng(self) -> random.Random:
        """The world's generator."""
        return self.call.rng

    def later(self, moment: Instant, low_ms: int, high_ms: int) -> Instant:
        """Give a random moment of this leg's phase, ``low_ms`` to ``high_ms`` after another."""
        return moment + self.rng.randrange(low_ms // 20, high_ms // 20 + 1) * TICK_US

    def at_share(self, low: float, high: float) -> Instant:
        """Give a random moment between two shares of the talk time."""
        share = self.rng.uniform(low, high)
        return self.answered + int((self.ends - self.answered) * share) // TICK_US * TICK_US

    def ring(self, *, seen: bool = True) -> None:
        """Write call.initiated; unseen, its webhook is lost."""
        if not seen:
            self.flags.append("initiated_missing")
            return
        incoming = {
            "caller_id_name": self.from_number,
            "offered_codecs": "PCMU,G729",
            "start_time": self._began,
        }
        self.known_initiated = self.base
        self.emit(
            "call.initiated",
            self.base,
            connection_codecs="PCMA,PCMU,G722",
            direction=self.direction,
            from_sip_uri=f"{self.from_number}@sip.telnyx.com",
            state="parked" if self.direction == "incoming" else "bridging",
            to_sip_uri=f"{self.to_number}@sip.telnyx.com",
            **(incoming if self.direction == "incoming" else {}),
        )

    def answer(self, *, seen: bool = True) -> None:
        """Write call.answered; unseen, its webhook is lost."""
        self.picked_up = True
        if seen:
            self.known_answer, self.answer_evidence = self.answered, "webhook"
            self.emit_answered(self.answered)

    def emit_answered(self, at: Instant) -> None:
        """Write call.answered at ``at`` and leave the truth alone."""
        self.emit("call.answered", at, codec="PCMU", sampling_rate=8000, start_time=self._began)

    def bridge(self, at: Instant) -> None:
        """Write call.bridged; where no answer was seen it is the evidence of one."""
        self.emit("call.bridged", at, start_time=self._began)
        if self.known_answer is None:
            self.known_answer, self.answer_evidence = at, "inferred_from_bridged"

    def hang_up(self, cause: str = "normal_clearing", sip: str = "200") -> None:
        """Write call.hangup at the planned end. A leg that is never hung up goes stale."""
        self.known_hangup, self.hangup_cause = self.ends, cause
        self.emit(
            "call.hangup",
            self.ends,
            call_quality_stats=_quality(self.rng) if self.picked_up else None,
            end_time=instants.to_text(self.ends),
            hangup_cause=cause,
            hangup_source=self.rng.choice(("caller", "callee")),
            sip_hangup_cause=sip,
            start_time=self._began,
        )

    def emit(self, event_type: str, at: Instant, mark: Mark | None = None, /, **fields: Any) -> Webhook:
        """Write one webhook of this leg."""
        payload = {**self.common(event_type), **fields}
        return self.emit_data(event_type, at, payload, mark)

    def emit_data(
        self,
        event_type: str,
        at: Instant,
        payload: Mapping[str, Any],
        mark: Mark | None = None,
        form: Form = Form.WRAPPED,
        **data: Any,
    ) -> Webhook:
        """Write one webhook with a payload of its own; ``data`` overrides what stands around the payload."""
        around: dict[str, Any] = {
            "event_type": event_type,
            "id": self.call.world.name.event_id(),
            "occurred_at": instants.to_text(at),
            "payload": payload,
            "record_type": "event",
            **data,
        }
        given = {key: value for key, value in around.items() if value is not None}
        webhook = Webhook(event_type, at, given, form, mark)
        self.call.webhooks.append(webhook)
        return webhook

    def common(self, event_type: str) -> dict[str, Any]:
        """Give the fields that Telnyx puts into every payload of this type (telnyx.md section 2)."""
        fields: dict[str, Any] = {
            "call_control_id": self.control_id,
            "call_leg_id": self.leg_id,
            "call_session_id": self.call.session_id,
            "client_state": self.client_state,
            "connection_id": self.call.connection.connection_id,
        }
        if event_type in _PARTYLESS_TYPES or event_type.startswith(_PARTYLESS):
            return fields
        return {**fields, "calling_party_type": "pstn", "from": self.from_number, "to": self.to_number}

    def truth(self) -> TrueLeg:
        """Give what can be known of this leg once everything has settled."""
        ended, answered = self.known_hangup, self.known_answer
        return TrueLeg(
            call_leg_id=self.leg_id,
            connection_id=self.call.connection.connection_id,
            direction=None if self.known_initiated is None else self.direction,
            status=self._status(),
            initiated_at=self.known_initiated,
            answered_at=answered,
            answer_evidence=self.answer_evidence,
            hangup_at=ended,
            talk_us=None if ended is None or answered is None else ended - answered,
            hangup_cause=self.hangup_cause,
            from_number=self.from_number,
            to_number=self.to_number,
            flags=tuple(self.flags),
        )

    def _status(self) -> str:
        if self.known_hangup is None:
            return "stale"
        if self.known_answer is not None:
            return "ended_answered"
        return "ended_answer_unknown" if self.picked_up else "ended_unanswered"

    @property
    def _began(self) -> str:
        return instants.to_text(self.base)


def _numbered(rows: list[_Row], shown_at: Callable[[_Row], Instant]) -> tuple[_Row, ...]:
    """Give the rows in time order with ``seq`` from 1 within each leg."""
    seqs: dict[str, int] = {}
    numbered: list[_Row] = []
    for row in sorted(rows, key=shown_at):
        seqs[row.call_leg_id] = seqs.get(row.call_leg_id, 0) + 1
        numbered.append(replace(row, seq=seqs[row.call_leg_id]))
    return tuple(numbered)


def _quality(rng: random.Random) -> dict[str, dict[str, str]]:
    """Give call_quality_stats: Telnyx writes its numbers as text."""
    packets = rng.randrange(1_000, 60_000)
    inbound = {
        "jitter_max_variance": f"{rng.uniform(0, 90):.2f}",
        "jitter_packet_count": str(rng.randrange(40)),
        "mos": f"{rng.uniform(3.6, 4.5):.2f}",
        "packet_count": str(packets),
        "skip_packet_count": str(rng.randrange(60)),
    }
    return {"inbound": inbound, "outbound": {"packet_count": str(packets - 4), "skip_packet_count": "0"}}
