"""Compare what the program says with what the simulator knows: every row, every count, every report.

Each difference is one line of text. No line means that everything agrees.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

import simulator
from calls import instants

if TYPE_CHECKING:
    import pandas as pd

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


def reports(answers: simulator.Answers, frames: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
    """Compare the reports: SIPREC by connection and UTC day, transfers by connection, causes in total."""
    yield from _differ("siprec_sessions", _siprec_said(frames["siprec_sessions"]), _siprec_true(answers))
    yield from _differ("refer_outcomes", _refer_said(frames["refer_outcomes"]), _refer_true(answers))
    causes = frames["failure_causes"]
    said = {
        (row["cause_name"], row["cause_raw"]): row["failures_count"]
        for row in _records(causes[causes["subject"] == "siprec"])
        if row["failures_count"]
    }
    true = {
        ({None: "absent", "UNKNOWN": "unmapped"}.get(name, name), raw or None): count
        for (name, raw), count in answers.failure_causes.items()
    }
    yield from _differ("failure_causes", said, true)


def _siprec_said(frame: "pd.DataFrame") -> dict[Any, Any]:
    return {
        (row["connection_id"], row["day"]): (
            row["sessions_count"],
            row["failed_count"],
            row["duration_known_count"],
            row["duration_sum_ms"] or 0,
            row["duration_median_ms"],
            row["duration_p95_ms"],
        )
        for row in _records(frame)
        if row["attempts_count"]
    }


def _siprec_true(answers: simulator.Answers) -> dict[Any, Any]:
    def ms(us: int | None) -> int | None:
        return None if us is None else us // 1000

    return {
        (true.connection_id, true.utc_day): (
            true.sessions,
            true.failed_attempts,
            len(true.durations_us),
            true.total_us // 1000,
            ms(true.quantile_us(50)),
            ms(true.quantile_us(95)),
        )
        for true in answers.siprec_sessions
    }


def _refer_said(frame: "pd.DataFrame") -> dict[Any, Any]:
    said: dict[Any, Any] = {}
    for row in _records(frame):
        if row["attempts_count"]:
            figures = tuple(row[f"{what}_count"] for what in ("attempts", "completed", "pending", "unconfirmed"))
            outcomes = said.setdefault(row["connection_id"], (figures, {}))[1]
            outcomes[row["outcome"], row["final_code"]] = row["outcome_count"]
    return said


def _refer_true(answers: simulator.Answers) -> dict[Any, Any]:
    return {
        true.connection_id: (
            (true.attempts, true.completed, true.pending, true.unconfirmed),
            dict(true.by_code),
        )
        for true in answers.refer_outcomes
    }


def _differ(report: str, said: Mapping[Any, Any], true: Mapping[Any, Any]) -> Iterator[str]:
    for key in sorted(said.keys() | true.keys(), key=str):
        if said.get(key) != true.get(key):
            yield f"{report}: {key} is {said.get(key)}, true is {true.get(key)}"


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Give rows with None for what is missing; pandas has several words for that."""
    plain = frame.astype(object).where(frame.notna(), None)
    columns = [str(column) for column in plain.columns]
    return [dict(zip(columns, row, strict=True)) for row in plain.itertuples(index=False)]


def _by_key(
    connection: psycopg.Connection[Any],
    table: str,
    fields: Sequence[str],
    true_rows: Iterable[tuple[Any, Any]],
) -> Iterator[str]:
    keyed_by = ("call_leg_id",) if table == "call_legs" else ("call_leg_id", "seq")
    stored: dict[Any, Row] = {}
    for row in _fetch(connection, table, (*keyed_by, *fields, "flags")):
        key = tuple(row[name] for name in keyed_by)
        stored[key[0] if len(key) == 1 else key] = row
    for key, true in true_rows:
        row = stored.get(key)
        if row is None:
            yield f"{table}: {key} is missing"
        elif _values(row, fields) != _values(true, fields):
            yield f"{table}: {key} is {_values(row, fields)}, true is {_values(true, fields)}"
        elif not set(true.flags) <= set(row["flags"]):
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
