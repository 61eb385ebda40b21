"""The facts that reports are asked of, made from folded calls as Arrow tables.

The views (``migrations/versions/0003_facts.sql``) and this module say the same thing twice, once for each
engine; a test holds them equal. ``at_us`` is the instant that places a row in a day: a SIPREC session by its
start, else its end; a REFER attempt by its start, else its terminal event; a leg by its answer, else its
initiation, else its hangup.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from calls.records import CallRecord, Row
from reports.arrow import DAY, TEXT, WHOLE, Table, pa

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Fact:
    """One view of schema ``facts``: its columns, and the fields of a row that place it, first known first."""

    schema: Any
    placed_by: tuple[str, ...]


FACTS: Mapping[str, Fact] = {
    "siprec_sessions": Fact(
        pa.schema(
            {
                "call_session_id": TEXT,
                "call_leg_id": TEXT,
                "seq": WHOLE,
                "connection_id": TEXT,
                "at_us": WHOLE,
                "utc_day": DAY,
                "started_us": WHOLE,
                "ended_us": WHOLE,
                "status": TEXT,
                "duration_us": WHOLE,
                "end_evidence": TEXT,
                "cause_raw": TEXT,
                "cause_form": TEXT,
                "cause_name": TEXT,
                "cause_fault_domain": TEXT,
                "finality": TEXT,
            }
        ),
        ("started_at", "ended_at"),
    ),
    "refer_attempts": Fact(
        pa.schema(
            {
                "call_session_id": TEXT,
                "call_leg_id": TEXT,
                "seq": WHOLE,
                "connection_id": TEXT,
                "at_us": WHOLE,
                "utc_day": DAY,
                "started_us": WHOLE,
                "terminal_us": WHOLE,
                "time_to_terminal_us": WHOLE,
                "outcome": TEXT,
                "last_provisional": WHOLE,
                "final_code": WHOLE,
                "finality": TEXT,
            }
        ),
        ("started_at", "terminal_at"),
    ),
    "call_legs": Fact(
        pa.schema(
            {
                "call_session_id": TEXT,
                "call_leg_id": TEXT,
                "connection_id": TEXT,
                "direction": TEXT,
                "at_us": WHOLE,
                "utc_day": DAY,
                "initiated_us": WHOLE,
                "answered_us": WHOLE,
                "hangup_us": WHOLE,
                "status": TEXT,
                "answer_evidence": TEXT,
                "talk_us": WHOLE,
                "hangup_cause": TEXT,
                "hangup_cause_name": TEXT,
                "hangup_cause_q850": WHOLE,
                "hangup_source": TEXT,
                "sip_hangup_cause": TEXT,
                "finality": TEXT,
            }
        ),
        ("answered_at", "initiated_at", "hangup_at"),
    ),
}
"""View of schema ``facts`` = field of CallRecord = table of schema ``calls`` -> what it holds."""

_POSITION = pa.schema({"position": WHOLE})


def from_records(records: Iterable[CallRecord], position: int | None) -> dict[str, Table]:
    """Make every fact table. ``position``: all events before this log position are in the records."""
    known = tuple(records)
    tables = {
        name: _table(fact, (row for each in known for row in getattr(each, name))) for name, fact in FACTS.items()
    }
    return tables | {"log_position": pa.Table.from_pylist([{"position": position}], schema=_POSITION)}


def raw_text(raw: Any) -> str | None:
    """Write a cause as sent (any JSON value) as text: scalars by their text, the rest by its kind."""
    match raw:
        case None:
            return None
        case bool():
            return "true" if raw else "false"
        case str():
            return raw
        case int() | float():
            return _number_text(raw)
        case list() | tuple():
            return "[...]"
        case _:
            return "{...}"


def _number_text(number: float) -> str:
    text = format(Decimal(repr(number)), "f")
    shortest = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if shortest == "-0" else shortest


def _table(fact: Fact, rows: Iterable[Row]) -> Table:
    return pa.Table.from_pylist([_fact(fact, row) for row in rows], schema=fact.schema)


def _fact(fact: Fact, row: Row) -> dict[str, Any]:
    instants = (getattr(row, field) for field in fact.placed_by)
    at_us = next((instant for instant in instants if instant is not None), None)
    placed = {"at_us": at_us, "utc_day": None if at_us is None else at_us // DAY_US}
    return {name: placed[name] if name in placed else _value(row, name) for name in fact.schema.names}


def _value(row: Row, column: str) -> Any:
    if column == "cause_raw":
        return raw_text(getattr(row, column))
    instant = column.removesuffix("_us") + "_at"
    return getattr(row, instant if hasattr(row, instant) else column)
