"""Compare what the program's tables and counts say with what the simulator knows. ``report_comparison``: the reports.

Each difference is one line of text. No line means that everything agrees.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import psycopg
from psycopg.rows import dict_row

import simulator
from calls import instants

Row = Mapping[str, Any]

LEG = (
    "status",
    "direction",
    "initiated_at",
    "answered_at",
    "answer_evidence",
    "hangup_at",
    "talk_us",
    "hangup_cause",
)
COVERAGE = (
    "connection_id",
    "direction",
    "number",
    "answered_at",
    "hangup_at",
    "policy_version",
    "policy_rule",
    "obligation",
    "verdict",
    "evidence_grade",
    "answered_us",
    "confirmed_us",
    "inferred_us",
    "unknown_us",
    "uncovered_us",
    "start_delay_us",
    "early_stop_us",
    "longest_gap_us",
    "recovery_us",
    "double_covered_us",
    "over_recorded_us",
    "failed_attempts",
    "unrecorded_evidence",
    "track_evidence",
)
SPAN = ("kind", "started_at", "ended_at")
CONVERSATION = ("legs", "conversation_us", "covered_us")
SIPREC = ("status", "started_at", "ended_at", "duration_us", "cause_raw", "cause_name")
REFER = ("outcome", "started_at", "terminal_at", "last_provisional", "final_code")
NATIVE = ("status", "occurred_at", "started_at", "ended_at", "channels", "reason")
DTMF = ("occurred_at", "event_type", "digit_count", "status")


def log_counts(truth: simulator.LogTotals, counted: Mapping[str, int], retried: int) -> Iterator[str]:
    """Compare the log's counts; a sender's own retries may have added deliveries."""
    for name in (
        "stored",
        "id_conflicts",
        "semantic_duplicates",
        "unknown_type",
        "aliased_type",
        "quarantined",
        "unattributed",
    ):
        if counted[name] != getattr(truth, name):
            yield f"log: {name} is {counted[name]}, true is {getattr(truth, name)}"
    surplus = counted["duplicate_deliveries"] - truth.duplicate_deliveries
    if not 0 <= surplus <= retried:
        yield f"log: duplicate_deliveries is {counted['duplicate_deliveries']}, true is {truth.duplicate_deliveries}"
    if counted["rejected"] < sum(truth.rejected.values()):
        yield f"log: rejected is {counted['rejected']}, true is {sum(truth.rejected.values())}"


def rows(connection: psycopg.Connection[Any], truth: simulator.Truth) -> Iterator[str]:
    """Compare every row of the read models that the truth speaks of, and the number of rows."""
    for table, count in truth.counts().items():
        stored = _fetch(connection, table, ("count(*) AS n",))[0]["n"]
        if stored != count:
            yield f"{table}: {stored} rows, true are {count}"
    yield from _by_key(connection, "call_legs", LEG, ((leg.call_leg_id, leg) for leg in truth.legs()))
    yield from _coverage(connection, truth)
    numbered = (((row.call_leg_id, row.seq), row) for row in truth.siprec_sessions())
    yield from _by_key(connection, "siprec_sessions", SIPREC, numbered)
    numbered = (((row.call_leg_id, row.seq), row) for row in truth.refer_attempts())
    yield from _by_key(connection, "refer_attempts", REFER, numbered)
    for table, fields, true_rows in (
        ("native_recordings", NATIVE, [row for call in truth.calls for row in call.native_recordings]),
        ("dtmf", DTMF, [row for call in truth.calls for row in call.dtmf]),
    ):
        said = Counter(
            _values(row, ("call_leg_id", *fields)) for row in _fetch(connection, table, ("call_leg_id", *fields))
        )
        true = Counter(_values(row, ("call_leg_id", *fields)) for row in true_rows)
        yield from (f"{table}: {row} is not true" for row in said - true)
        yield from (f"{table}: {row} is missing" for row in true - said)


def _coverage(connection: psycopg.Connection[Any], truth: simulator.Truth) -> Iterator[str]:
    """Compare how much was recorded, span by span and conversation by conversation; flags of it are all known."""
    yield from _by_key(connection, "coverage", COVERAGE, ((row.call_leg_id, row) for row in truth.coverage()))
    flags = {row.call_leg_id: [*row.flags] for row in truth.coverage()}
    for row in _fetch(connection, "coverage", ("call_leg_id", "flags")):
        if row["flags"] != flags.get(row["call_leg_id"]):
            yield f"coverage: {row['call_leg_id']} has flags {row['flags']}, true are {flags.get(row['call_leg_id'])}"
    spans = (((span.call_leg_id, span.seq), span) for row in truth.coverage() for span in row.spans)
    yield from _by_key(connection, "coverage_spans", SPAN, spans)
    calls = ((call.call_session_id, call.session_coverage) for call in truth.calls)
    yield from _by_key(connection, "session_coverage", CONVERSATION, calls)


_KEYS = {
    "call_legs": ("call_leg_id",),
    "coverage": ("call_leg_id",),
    "session_coverage": ("call_session_id",),
}
_WITHOUT_FLAGS = ("coverage_spans", "session_coverage")


def _by_key(
    connection: psycopg.Connection[Any],
    table: str,
    fields: Sequence[str],
    true_rows: Iterable[tuple[Any, Any]],
) -> Iterator[str]:
    keyed_by = _KEYS.get(table, ("call_leg_id", "seq"))
    flags = () if table in _WITHOUT_FLAGS else ("flags",)
    stored: dict[Any, Row] = {}
    for row in _fetch(connection, table, (*keyed_by, *fields, *flags)):
        key = tuple(row[name] for name in keyed_by)
        stored[key[0] if len(key) == 1 else key] = row
    for key, true in true_rows:
        row = stored.get(key)
        if row is None:
            yield f"{table}: {key} is missing"
        elif _values(row, fields) != _values(true, fields):
            yield f"{table}: {key} is {_values(row, fields)}, true is {_values(true, fields)}"
        elif flags and not set(true.flags) <= set(row["flags"]):
            yield f"{table}: {key} has flags {row['flags']}, true are {list(true.flags)}"


def _fetch(connection: psycopg.Connection[Any], table: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        # Names from this module, not from outside.
        cursor.execute(f"SELECT {', '.join(columns)} FROM calls.{table}".encode())  # noqa: S608
        return cursor.fetchall()


def _values(row: Any, fields: Sequence[str]) -> tuple[Any, ...]:
    """Give fields of a stored row (a mapping) or of a true one (an object), instants as integers."""
    get = row.get if hasattr(row, "keys") else partial(getattr, row)
    return tuple(_plain(name, get(name)) for name in fields)


def _plain(name: str, value: Any) -> Any:
    return instants.from_datetime(value) if name.endswith("_at") and hasattr(value, "year") else value
