"""The true answers, as plain rows. They come from how a call was made, never from reading its webhooks.

Field names and vocabulary are those of the tables (domain 8b). Where webhooks were lost, the truth is what
the vocabulary says can be known: a lost stop is ``closed_by_hangup``. ``flags`` are those that must be there;
others may be. The rows hold from ``Truth.settled_at`` on, when no call can change by time alone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from calls.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueLeg:
    """One leg."""

    call_leg_id: str
    connection_id: str
    direction: str | None
    status: str
    initiated_at: Instant | None
    answered_at: Instant | None
    answer_evidence: str | None
    hangup_at: Instant | None
    talk_us: int | None
    hangup_cause: str | None
    from_number: str
    to_number: str
    flags: tuple[str, ...]

    @property
    def number(self) -> str | None:
        """The number on our side: called where the leg is incoming, calling where it is outgoing."""
        return {"incoming": self.to_number, "outgoing": self.from_number}.get(self.direction or "")

    @property
    def shown_at(self) -> Instant:
        """The instant that places it in a day: the answer, else the end, else the beginning."""
        return _first(self.answered_at, self.hangup_at, self.initiated_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueSiprec:
    """One SIPREC session or failed attempt; ``cause_name`` is the normal name of ``cause_raw``."""

    call_leg_id: str
    connection_id: str
    seq: int = 0
    status: str
    started_at: Instant | None
    ended_at: Instant | None
    duration_us: int | None
    cause_raw: Any = None
    cause_name: str | None = None
    flags: tuple[str, ...] = ()

    @property
    def shown_at(self) -> Instant:
        """When the row shows itself first: its start, else its end."""
        return _first(self.started_at, self.ended_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueRefer:
    """One REFER attempt."""

    call_leg_id: str
    connection_id: str
    seq: int = 0
    outcome: str
    started_at: Instant
    terminal_at: Instant | None
    last_provisional: int | None = 100
    final_code: int | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueNative:
    """One Telnyx recording, saved or not."""

    call_leg_id: str
    status: str
    occurred_at: Instant
    started_at: Instant | None = None
    ended_at: Instant | None = None
    channels: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueSpan:
    """A span of a leg's talk time; ``kind`` is confirmed, inferred, unknown or uncovered."""

    call_leg_id: str
    seq: int
    kind: str
    started_at: Instant
    ended_at: Instant

    @property
    def length_us(self) -> int:
        """How long it is."""
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueCoverage:
    """How much of a leg was recorded, as far as can be known; ``flags`` are exactly those there are.

    Durations are None where they cannot be known. ``number`` is the one on our side, None where no direction is known.
    """

    call_leg_id: str
    connection_id: str
    direction: str | None
    number: str | None
    answered_at: Instant | None
    hangup_at: Instant | None
    policy_version: int
    policy_rule: str | None
    obligation: str
    verdict: str
    evidence_grade: str | None
    answered_us: int | None
    confirmed_us: int | None
    inferred_us: int | None
    unknown_us: int | None
    uncovered_us: int | None
    start_delay_us: int | None
    early_stop_us: int | None
    longest_gap_us: int | None
    recovery_us: int | None
    double_covered_us: int | None
    over_recorded_us: int | None
    failed_attempts: int
    unrecorded_evidence: str | None
    track_evidence: str | None
    flags: tuple[str, ...]
    spans: tuple[TrueSpan, ...]

    @property
    def shown_at(self) -> Instant:
        """The instant that places it in a day: the answer, else the end; a leg without both was never judged."""
        return _first(self.answered_at, self.hangup_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueSessionCoverage:
    """How much of a conversation was recorded on any of its legs; None while an end is not known."""

    call_session_id: str
    legs: int
    conversation_us: int | None
    covered_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueDtmf:
    """Keys pressed: how many and when."""

    call_leg_id: str
    occurred_at: Instant
    event_type: str
    digit_count: int
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueCall:
    """Everything true of one call session. ``events``: stored ones that can be attributed to it."""

    call_session_id: str
    connection_id: str
    kind: str
    events: int
    legs: tuple[TrueLeg, ...]
    coverage: tuple[TrueCoverage, ...]
    session_coverage: TrueSessionCoverage
    siprec_sessions: tuple[TrueSiprec, ...]
    refer_attempts: tuple[TrueRefer, ...]
    native_recordings: tuple[TrueNative, ...]
    dtmf: tuple[TrueDtmf, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTotals:
    """What the log counts once every planned delivery was answered (domain 8b, "Log counts").

    A sender's own retry after a timeout can add ``duplicate_deliveries``: at most ``post``'s ``retried``.
    """

    stored: int
    duplicate_deliveries: int
    id_conflicts: int = 0
    semantic_duplicates: int = 0
    unknown_type: int = 0
    aliased_type: int = 0
    quarantined: int = 0
    unattributed: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The true answers for a whole simulation; rows in the order of the calls."""

    calls: tuple[TrueCall, ...]
    log: LogTotals
    settled_at: Instant

    def legs(self) -> Iterator[TrueLeg]:
        """Give every leg."""
        return (leg for call in self.calls for leg in call.legs)

    def coverage(self) -> Iterator[TrueCoverage]:
        """Give the coverage of every leg."""
        return (row for call in self.calls for row in call.coverage)

    def siprec_sessions(self) -> Iterator[TrueSiprec]:
        """Give every SIPREC row."""
        return (row for call in self.calls for row in call.siprec_sessions)

    def refer_attempts(self) -> Iterator[TrueRefer]:
        """Give every REFER row."""
        return (row for call in self.calls for row in call.refer_attempts)

    def counts(self) -> dict[str, int]:
        """Count the rows that a report's totals must conserve, by table name."""
        tables = ("legs", "siprec_sessions", "refer_attempts", "native_recordings", "dtmf")
        sums = Counter({name: sum(len(getattr(call, name)) for call in self.calls) for name in tables})
        legs = sums.pop("legs")
        spans = sum(len(row.spans) for row in self.coverage())
        covered = {"coverage": legs, "coverage_spans": spans, "session_coverage": len(self.calls)}
        return {"call_sessions": len(self.calls), "call_legs": legs, **covered, **sums}


def _first(*known: Instant | None) -> Instant:
    return next(instant for instant in known if instant is not None)


def tally(values: Iterable[str]) -> dict[str, int]:
    """Count equal values, by name."""
    return dict(sorted(Counter(values).items()))
