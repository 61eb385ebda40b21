"""The facts that reports are asked of, made from folded calls as Arrow tables.

The views (``migrations/versions/0003_facts.sql`` and later) and this module say the same thing
twice, once for each engine; a test holds them equal. ``at_us`` is the instant that places a row in a day: a SIPREC
session by its start, else its end; a REFER attempt by its start, else its terminal event; a recording of Telnyx's by
the event that tells of it; a leg and its coverage by its answer, else its hangup, else its initiation, else by when it
was first heard of; an event by when it was received.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

from calls import policies
from calls.instants import Instant
from calls.records import CallLeg, CallRecord, Row
from reports import log_facts
from reports.arrow import Table, pa
from reports.log_facts import DAY_US, Log
from reports.schemas import SCHEMAS

_Fact: TypeAlias = dict[str, Any]
_LegKey: TypeAlias = tuple[str, str | None]


def from_records(records: Iterable[CallRecord], position: int | None, log: Log = log_facts.NOTHING) -> dict[str, Table]:
    """Make every fact table. ``position``: all events before this log position are in the records and in ``log``."""
    known = tuple(records)
    tables = {name: _table(name, make, known) for name, make in _MAKERS.items()}
    return tables | log_facts.tables(log) | {"log_position": position_table(position)}


def position_table(position: int | None) -> Table:
    """Make the table that says which position the facts are as of."""
    return pa.Table.from_pylist([{"position": position}], schema=SCHEMAS["log_position"])


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


def _table(name: str, make: Callable[[CallRecord], Iterator[_Fact]], records: Iterable[CallRecord]) -> Table:
    schema = SCHEMAS[name]
    rows = [{column: fact[column] for column in schema.names} for record in records for fact in make(record)]
    return pa.Table.from_pylist(rows, schema=schema)


def _siprec(record: CallRecord) -> Iterator[_Fact]:
    legs = _legs(record)
    for row in record.siprec_sessions:
        yield (
            _fact(row, row.started_at, row.ended_at)
            | _of_leg(legs, row)
            | {"cause_raw": _plain(raw_text(row.cause_raw))}
        )


def _refers(record: CallRecord) -> Iterator[_Fact]:
    legs = _legs(record)
    for row in record.refer_attempts:
        yield _fact(row, row.started_at, row.terminal_at) | _of_leg(legs, row)


def _natives(record: CallRecord) -> Iterator[_Fact]:
    for row in record.native_recordings:
        yield _fact(row, row.occurred_at)


def _commands(record: CallRecord) -> Iterator[_Fact]:
    for row in record.commands:
        yield _fact(row, row.requested_at, row.sent_at, row.answered_at)


def _call_legs(record: CallRecord) -> Iterator[_Fact]:
    for row in record.call_legs:
        placed = _fact(row, row.answered_at, row.hangup_at, row.initiated_at, _heard_at(record, row.call_leg_id))
        yield placed | {"number": policies.our_number(row)}


def _coverage(record: CallRecord) -> Iterator[_Fact]:
    legs = _legs(record)
    for row in record.coverage:
        leg = legs.get((row.call_session_id, row.call_leg_id))
        initiated_at = leg.initiated_at if leg else None
        placed = _fact(row, row.answered_at, row.hangup_at, initiated_at, _heard_at(record, row.call_leg_id))
        placed |= {"over_recorded": int("over_recorded" in row.flags)}
        # The row's answered_us is a duration; as a fact that is the instant of the answer, as of every other row.
        placed |= {"talk_us": row.answered_us, "answered_us": row.answered_at}
        placed_us = row.hangup_at if row.answered_at is None else row.answered_at
        ends_us = None if placed_us is None or row.answered_us is None else placed_us + row.answered_us
        placed_day = None if placed_us is None else placed_us // DAY_US
        yield placed | {"placed_us": placed_us, "placed_day": placed_day, "talk_ends_us": ends_us}


def _heard_at(record: CallRecord, call_leg_id: str) -> Instant | None:
    """Say when a leg was first heard of."""
    told = (entry.occurred_at for entry in record.timeline if entry.call_leg_id == call_leg_id)
    return min((at for at in told if at is not None), default=None)


def _spans(record: CallRecord) -> Iterator[_Fact]:
    for row in record.coverage_spans:
        for utc_day, start_us, end_us in log_facts.split(row.started_at, row.ended_at):
            yield _fact(row) | {"utc_day": utc_day, "start_us": start_us, "end_us": end_us}


def _timeline(record: CallRecord) -> Iterator[_Fact]:
    for row in record.timeline:
        yield _fact(row, row.received_at) | {"semantic_duplicate": int("semantic_duplicate" in row.flags)}


_MAKERS: Mapping[str, Callable[[CallRecord], Iterator[_Fact]]] = {
    "siprec_sessions": _siprec,
    "refer_attempts": _refers,
    "native_recordings": _natives,
    "commands": _commands,
    "call_legs": _call_legs,
    "coverage": _coverage,
    "coverage_spans": _spans,
    "timeline": _timeline,
}


def _legs(record: CallRecord) -> dict[_LegKey, CallLeg]:
    return {(leg.call_session_id, leg.call_leg_id): leg for leg in record.call_legs}


def _of_leg(legs: Mapping[_LegKey, CallLeg], row: Any) -> _Fact:
    leg = legs.get((row.call_session_id, row.call_leg_id))
    return {
        "number": None if leg is None else policies.our_number(leg),
        "tags": None if leg is None else _json(leg.tags),
    }


def _fact(row: Row, *instants: Instant | None) -> _Fact:
    """Give a row's fields as facts, placed by the first instant that is known."""
    at_us = next((instant for instant in instants if instant is not None), None)
    fields = {name: getattr(row, name) for name in row.__dataclass_fields__}
    fact: _Fact = {name: _plain(value) for name, value in fields.items()}
    fact |= {f"{name[:-3]}_us": value for name, value in fields.items() if name.endswith("_at")}
    return fact | {"at_us": at_us, "utc_day": None if at_us is None else at_us // DAY_US}


def _plain(value: Any) -> Any:
    """Give a value as the tables have it: no NUL, which Postgres text cannot hold, and lists as JSON."""
    if type(value) is tuple:
        return _json(value)
    return value.replace("\x00", "\ufffd") if type(value) is str and "\x00" in value else value


def _json(values: Any) -> str:
    return orjson.dumps([_plain(value) for value in values]).decode()
