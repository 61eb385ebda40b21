"""Rows of calls with everything a test does not care about filled in."""

from typing import Any

from calls.records import CallLeg, CallRecord, ReferAttempt, SiprecSession
from reports import engines

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


def leg(status: str = "ended_answered", **fields: Any) -> CallLeg:
    """Give a leg that was answered at noon and hung up a minute later, without a cause."""
    blank = dict.fromkeys(name for name in CallLeg.__dataclass_fields__ if name not in _ROW)
    times = {"answered_at": NOON, "hangup_at": NOON + 60 * SECOND}
    return CallLeg(**{**blank, **_ROW, "tags": (), "revision": 1, "status": status, **times, **fields})


def engine(*rows: SiprecSession | ReferAttempt | CallLeg, position: int | None = 7) -> engines.DuckDB:
    """Give an engine over these rows."""
    record = CallRecord(
        call_legs=tuple(row for row in rows if isinstance(row, CallLeg)),
        siprec_sessions=tuple(row for row in rows if isinstance(row, SiprecSession)),
        refer_attempts=tuple(row for row in rows if isinstance(row, ReferAttempt)),
    )
    return engines.DuckDB.from_records([record], position)
