"""The true answers, as plain rows. They come from how a call was made, never from reading its webhooks.

Field names and vocabulary are those of the tables (domain 8b). Where webhooks were lost, the truth is what
the vocabulary says can be known: a lost stop is ``closed_by_hangup``. ``flags`` are those that must be there;
others may be. The rows hold from ``Truth.settled_at`` on, when no call can change by time alone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from calls import instants
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
    flags: tuple[str, ...]


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
        shown = self.ended_at if self.started_at is None else self.started_at
        assert shown is not None, "a row has a start or an end"
        return shown

    @property
    def utc_day(self) -> str:
        """The UTC day the row belongs to, by its start, else its end."""
        return instants.to_text(self.shown_at)[:10]


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
        return {"call_sessions": len(self.calls), "call_legs": sums.pop("legs"), **sums}


def tally(values: Iterable[str]) -> dict[str, int]:
    """Count equal values, by name."""
    return dict(sorted(Counter(values).items()))
