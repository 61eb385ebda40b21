"""Random rows of calls, and writing them into the read models as the projector does."""

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from calls import instants
from calls.records import (
    CallLeg,
    CallRecord,
    Coverage,
    CoverageSpan,
    NativeRecording,
    ReferAttempt,
    SiprecSession,
    TimelineEntry,
)
from projections import columns

TABLES = ("call_legs", "siprec_sessions", "refer_attempts", "native_recordings", "coverage", "coverage_spans")
TABLES += ("timeline",)

# The days around the end of British summer time.
BEGIN, END = 1_792_713_600_000_000, 1_793_145_600_000_000

STATUSES = (
    "open",
    "stopped",
    "failed",
    "failed_midway",
    "closed_by_hangup",
    "stopped_without_start",
    "stale_open",
)
OUTCOMES = ("completed", "declined", "target_busy", "failed_unspecified", "pending", "superseded_no_terminal")
OUTCOMES += ("unconfirmed_timeout", "unconfirmed_call_ended")
LEG_STATUSES = (
    "ringing",
    "in_progress",
    "ended_answered",
    "ended_unanswered",
    "ended_answer_unknown",
    "stale",
)
CONNECTIONS = (None, "a", "B", "é", "Z-1", "a b")
CAUSES = (None, "NORMAL_CLEARING", "USER_BUSY", "UNKNOWN", "MEDIA_TIMEOUT")
VERDICTS = ("not_in_scope", "not_eligible", "pending", "full", "full", "full_inferred", "partial_track", "partial")
VERDICTS += ("unknown", "unrecorded")
PARTS = ("confirmed", "inferred", "unknown", "uncovered")
NUMBERS = (None, "+12025550101", "+442079460102")
TAGS = ((), ("desk:a",), ("desk=b", "vip"), ("desk",), ("desk:a", 'qu"ote\n', "é"))
RAWS = (
    None,
    "",
    "no_answer",
    "=1+1",
    "Ünknown 'cause'",
    17,
    1.5,
    1.0,
    1e22,
    1e-7,
    -0.0,
    True,
    [1, "x"],
    {"a": None},
)

Pick = Callable[[Any], Any]
"""Gives one of a sequence, or a whole number of a range."""


def hold(connection: psycopg.Connection[Any], record: CallRecord) -> None:
    """Replace all rows of the tables."""
    for name in TABLES:
        connection.execute(sql.SQL("DELETE FROM calls.{}").format(sql.Identifier(name)))
        insert(connection, name, getattr(record, name))


def insert(connection: psycopg.Connection[Any], name: str, rows: tuple[Any, ...]) -> None:
    """Write rows as the projector does: instants as timestamptz, the raw cause as JSON."""
    names = columns.names(type(rows[0])) if rows else ()
    into = sql.SQL("INSERT INTO calls.{} ({}) VALUES ({})").format(
        sql.Identifier(name),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(sql.Placeholder() * len(names)),
    )
    values = [[_value(column, getattr(row, column)) for column in names] for row in rows]
    if values:
        connection.cursor().executemany(into, values)


def _value(column: str, value: Any) -> Any:
    if value is None:
        return None
    if column.endswith("_at"):
        return instants.to_datetime(value)
    if column == "cause_raw":
        return Jsonb(value)
    return list(value) if isinstance(value, tuple) else value


def made(pick: Pick, legs: int, sessions: int, attempts: int) -> CallRecord:
    """Make rows, each choice by ``pick``; many values are absent, many alike. Every leg has its coverage."""
    coverage = [_covered(pick, n) for n in range(legs)]
    return CallRecord(
        coverage=tuple(row for row, _ in coverage),
        coverage_spans=tuple(span for _, spans in coverage for span in spans),
        timeline=tuple(_event(pick, n) for n in range(legs)),
        call_legs=tuple(_leg(pick, n) for n in range(legs)),
        siprec_sessions=tuple(_siprec(pick, n) for n in range(sessions)),
        refer_attempts=tuple(_refer(pick, n) for n in range(attempts)),
        native_recordings=tuple(_native(pick, n) for n in range(sessions)),
    )


def _instant(pick: Pick) -> int | None:
    return None if pick(range(4)) == 0 else pick(range(BEGIN, END))


def _length(pick: Pick) -> int | None:
    return pick((None, 0, 1, 999, 1000, 60_000_000, pick(range(10**9))))


def _row(pick: Pick, number: int) -> dict[str, Any]:
    finality = pick(("final", "provisional"))
    return {
        "call_session_id": "s",
        "call_leg_id": f"l{number}",
        "finality": finality,
        "positions": (number,),
        "flags": (),
    }


def _siprec(pick: Pick, number: int) -> SiprecSession:
    blank = dict.fromkeys(SiprecSession.__dataclass_fields__)
    length = _length(pick)
    fields = {
        "seq": 1,
        "revision": 1,
        "connection_id": pick(CONNECTIONS),
        "status": pick(STATUSES),
        "started_at": _instant(pick),
        "ended_at": _instant(pick),
        "duration_us": length,
        "duration_ms": None if length is None else length // 1000,
        "cause_raw": pick(RAWS),
        "cause_name": pick(CAUSES),
        "cause_fault_domain": pick((None, "capacity", "absent", "unmapped", "other")),
    }
    return SiprecSession(**{**blank, **_row(pick, number), **fields})


def _refer(pick: Pick, number: int) -> ReferAttempt:
    length = _length(pick)
    return ReferAttempt(
        **_row(pick, number),
        seq=1,
        connection_id=pick(CONNECTIONS),
        started_at=_instant(pick),
        terminal_at=_instant(pick),
        time_to_terminal_us=length,
        time_to_terminal_ms=None if length is None else length // 1000,
        outcome=pick(OUTCOMES),
        last_provisional=pick((None, 180)),
        final_code=pick((None, 0, 200, 486, 603)),
    )


def _native(pick: Pick, number: int) -> NativeRecording:
    row = {**_row(pick, number), "call_leg_id": pick((None, *[f"l{number}"] * 19))}
    return NativeRecording(
        **row,
        seq=number + 1,
        status=pick(("saved", "error")),
        occurred_at=pick(range(BEGIN, END)),
        started_at=_instant(pick),
        ended_at=_instant(pick),
        channels=pick((None, "dual")),
        reason=pick((None, "", "=1+1", "bucket error")),
    )


def _leg(pick: Pick, number: int) -> CallLeg:
    blank = dict.fromkeys(CallLeg.__dataclass_fields__)
    fields = {
        "revision": 1,
        "tags": pick(TAGS),
        "connection_id": pick(CONNECTIONS),
        "direction": pick((None, "incoming", "outgoing")),
        "from_number": pick(NUMBERS),
        "to_number": pick(NUMBERS),
        "status": pick(LEG_STATUSES),
        "talk_us": _length(pick),
        "hangup_cause_q850": pick((None, 16, 17, 18, 21, 31, 38, 133)),
        "initiated_at": _instant(pick),
        "answered_at": _instant(pick),
        "hangup_at": _instant(pick),
        "hangup_cause": pick((None, "normal_clearing", "zap", "+1")),
        "hangup_cause_name": pick(CAUSES),
    }
    return CallLeg(**{**blank, **_row(pick, number), **fields})


def _covered(pick: Pick, number: int) -> tuple[Coverage, tuple[CoverageSpan, ...]]:
    """Make a leg's coverage; of two thirds the talk time is known, some minutes to days of it."""
    answered_at = _instant(pick)
    known = answered_at is not None and pick(range(3)) > 0
    lengths = [pick((1, 999, 60_000_000, pick(range(1, 10**11)))) for _ in range(pick(range(4)))] if known else []
    kinds = [pick(PARTS) for _ in lengths]
    told = dict.fromkeys(PARTS, None if not known else 0)
    for kind, length in zip(kinds, lengths, strict=True):
        told[kind] = (told[kind] or 0) + length
    instants_of = {"answered_at": answered_at, "hangup_at": _instant(pick)}
    if answered_at is not None and known:
        instants_of["hangup_at"] = answered_at + sum(lengths)
    fields = {
        "revision": 1,
        "tags": pick(TAGS),
        "connection_id": pick(CONNECTIONS),
        "number": pick(NUMBERS),
        "policy_version": pick(range(3)),
        "obligation": "must_record",
        "verdict": pick(VERDICTS),
        "evidence_grade": pick((None, "A", "B", "C", "D")),
        "unrecorded_evidence": pick((None, "explicit_failure", "absence_of_events")),
        "failed_attempts": pick(range(3)),
        "flags": pick(((), ("ingest_outage",), ("a", "b"))),
    }
    for name in ("start_delay", "early_stop", "longest_gap", "recovery", "double_covered", "over_recorded"):
        fields[f"{name}_us"] = _length(pick)
    fields |= {f"{part}_us": length for part, length in told.items()}
    fields["answered_us"] = sum(lengths) if known else None
    fields |= {f"{name[:-3]}_ms": us if us is None else us // 1000 for name, us in fields.items() if name[-3:] == "_us"}
    row = Coverage(**{**dict.fromkeys(Coverage.__dataclass_fields__), **_row(pick, number), **instants_of, **fields})
    return row, _spans(row, kinds, lengths)


def _spans(row: Coverage, kinds: list[str], lengths: list[int]) -> tuple[CoverageSpan, ...]:
    ends = list(accumulate(lengths, initial=row.answered_at or 0))
    of_leg = {"call_session_id": "s", "call_leg_id": row.call_leg_id, "finality": row.finality, "positions": (1,)}
    return tuple(
        CoverageSpan(**of_leg, seq=place, kind=kind, started_at=ends[place], ended_at=ends[place + 1])
        for place, kind in enumerate(kinds)
    )


def _event(pick: Pick, number: int) -> TimelineEntry:
    return TimelineEntry(
        **{**_row(pick, number), "flags": pick(((), ("semantic_duplicate",)))},
        seq=1,
        position=number,
        occurred_at=_instant(pick),
        received_at=pick(range(BEGIN, END)),
        event_id="e",
        event_type="call.answered",
        sentence="",
    )
