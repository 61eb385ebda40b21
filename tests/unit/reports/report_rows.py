"""Rows of calls with everything a test does not care about filled in."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from calls.records import (
    CallLeg,
    CallRecord,
    Coverage,
    CoverageSpan,
    NativeRecording,
    ReferAttempt,
    SentCommand,
    SiprecSession,
    TimelineEntry,
)
from reports import engines, facts, log_facts

PARTS = ("confirmed", "inferred", "unknown", "uncovered")

Leg: TypeAlias = tuple[Coverage, tuple[CoverageSpan, ...]]
"""A leg's coverage with its spans."""

NOON = 1_790_942_400_000_000
"""2026-10-02T12:00:00Z."""

SECOND = 1_000_000

_ROW: dict[str, Any] = {
    "call_session_id": "s",
    "call_leg_id": "l",
    "connection_id": "c",
    "positions": (0,),
    "flags": (),
}
_ROW["finality"] = "final"


def siprec(status: str = "stopped", **fields: Any) -> SiprecSession:
    """Give a SIPREC session that started at noon and has no cause."""
    names = (
        "ended_at",
        "duration_us",
        "duration_ms",
        "end_evidence",
        "cause_raw",
        "cause_form",
        "cause_namespace",
    )
    blank = dict.fromkeys((*names, "cause_name", "cause_q850", "cause_fault_domain"))
    return SiprecSession(**{**_ROW, **blank, "seq": 1, "started_at": NOON, "status": status, **fields})


def refer(outcome: str = "completed", **fields: Any) -> ReferAttempt:
    """Give a REFER attempt that started at noon."""
    names = ("terminal_at", "time_to_terminal_us", "time_to_terminal_ms", "last_provisional", "final_code")
    return ReferAttempt(**{**_ROW, **dict.fromkeys(names), "seq": 1, "started_at": NOON, "outcome": outcome, **fields})


def native(status: str = "error", **fields: Any) -> NativeRecording:
    """Give a recording of Telnyx's own, told of a minute after noon."""
    named = {name: value for name, value in _ROW.items() if name != "connection_id"}
    blank = dict.fromkeys(("started_at", "ended_at", "channels", "reason"))
    return NativeRecording(
        **{**named, **blank, "seq": 1, "status": status, "occurred_at": NOON + 60 * SECOND, **fields}
    )


def leg(status: str = "ended_answered", **fields: Any) -> CallLeg:
    """Give a leg that was answered at noon and hung up a minute later, without a cause."""
    blank = dict.fromkeys(name for name in CallLeg.__dataclass_fields__ if name not in _ROW)
    times = {"answered_at": NOON, "hangup_at": NOON + 60 * SECOND}
    return CallLeg(**{**blank, **_ROW, "tags": (), "revision": 1, "status": status, **times, **fields})


def covered(verdict: str = "full", spans: Sequence[tuple[str, int]] | None = None, **fields: Any) -> Leg:
    """Give a leg of verdict ``verdict``, answered at noon; ``spans`` are kinds and lengths in microseconds.

    Without spans it is a minute, confirmed; ``spans`` () and ``answered_us`` None: its talk time is not known.
    """
    pieces = [("confirmed", 60 * SECOND)] if spans is None else spans
    told: dict[str, Any] = {"answered_at": NOON, "tags": (), "revision": 1, "policy_version": 0, "failed_attempts": 0}
    told |= {"obligation": "must_record", "evidence_grade": "A", "verdict": verdict} | fields
    lengths = {part: sum(length for kind, length in pieces if kind == part) for part in PARTS}
    if pieces:
        told |= {f"{part}_us": length for part, length in lengths.items()}
        told |= {"answered_us": sum(lengths.values()), "hangup_at": told["answered_at"] + sum(lengths.values())}
    told |= {f"{name[:-3]}_ms": us // 1000 for name, us in told.items() if name.endswith("_us") and us is not None}
    blank = dict.fromkeys(name for name in Coverage.__dataclass_fields__ if name not in _ROW)
    row = Coverage(**{**blank, **_ROW, **told})
    return row, tuple(_spans(row, pieces))


def _spans(row: Coverage, pieces: Sequence[tuple[str, int]]) -> Sequence[CoverageSpan]:
    at = row.answered_at or 0
    spans: list[CoverageSpan] = []
    for seq, (kind, length) in enumerate(pieces, 1):
        of_leg = {name: getattr(row, name) for name in ("call_session_id", "call_leg_id", "finality", "positions")}
        spans.append(CoverageSpan(**of_leg, seq=seq, kind=kind, started_at=at, ended_at=at + length))
        at += length
    return spans


def command(action: str, state: str = "confirmed", **fields: Any) -> SentCommand:
    """Give a command for the leg that was asked for at noon."""
    blank = dict.fromkeys(name for name in SentCommand.__dataclass_fields__ if name not in _ROW)
    told = {
        "command_id": "k",
        "seq": 1,
        "repeats": 0,
        "revision": 1,
        "requested_at": NOON,
        "sent_at": NOON,
        "actor": "ada",
    }
    return SentCommand(**{**blank, **_ROW, **told, "action": action, "state": state, **fields})


def event(position: int, received_at: int, **fields: Any) -> TimelineEntry:
    """Give an event of the leg's timeline."""
    told: dict[str, Any] = {"seq": 1, "position": position, "received_at": received_at, "occurred_at": received_at}
    told |= {"event_id": "e", "event_type": "call.hangup", "sentence": "", "positions": (position,)}
    return TimelineEntry(**{name: value for name, value in _ROW.items() if name != "connection_id"} | told | fields)


def engine(
    *rows: SiprecSession | ReferAttempt | NativeRecording | SentCommand | CallLeg | TimelineEntry | Leg,
    position: int | None = 7,
    log: log_facts.Log = log_facts.NOTHING,
) -> engines.DuckDB:
    """Give an engine over these rows."""
    legs = [row for row in rows if isinstance(row, tuple)]
    record = CallRecord(
        call_legs=tuple(row for row in rows if isinstance(row, CallLeg)),
        siprec_sessions=tuple(row for row in rows if isinstance(row, SiprecSession)),
        refer_attempts=tuple(row for row in rows if isinstance(row, ReferAttempt)),
        native_recordings=tuple(row for row in rows if isinstance(row, NativeRecording)),
        commands=tuple(row for row in rows if isinstance(row, SentCommand)),
        timeline=tuple(row for row in rows if isinstance(row, TimelineEntry)),
        coverage=tuple(row for row, _ in legs),
        coverage_spans=tuple(span for _, spans in legs for span in spans),
    )
    return engines.DuckDB(facts.from_records([record], position, log))
