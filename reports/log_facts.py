"""The log's own facts, from what a row says beside its body: for ``log_integrity`` on an engine without the log.

Like ``facts``, this says for DuckDB what the views of ``migrations/versions/0006_report_facts.sql`` say for Postgres.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from calls.instants import Instant
from reports.arrow import Table, pa
from reports.schemas import SCHEMAS

DAY_US = 86_400_000_000
_NOON_US = DAY_US // 2
_FIRST = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of the log, by its stored columns; ``occurred_at`` None where it names no time."""

    position: int
    source: str
    event_id: str | None
    event_type: str | None
    connection_id: str | None
    quarantined: str | None
    received_at: Instant
    occurred_at: Instant | None


@dataclass(frozen=True, slots=True)
class Redelivery:
    """Deliveries of an event beyond its first; the received time of the event itself where they are only counted."""

    position: int
    received_at: Instant
    deliveries: int = 1


@dataclass(frozen=True, slots=True)
class Rejection:
    """How much was refused for a reason on a UTC day."""

    utc_day: date
    reason: str
    refused: int


@dataclass(frozen=True, slots=True)
class Outage:
    """Time in which nobody could take webhooks."""

    position: int
    began_at: Instant
    ended_at: Instant
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """What of the log a report may count."""

    events: Iterable[Logged] = ()
    redeliveries: Iterable[Redelivery] = ()
    rejections: Iterable[Rejection] = ()
    outages: Iterable[Outage] = ()


NOTHING = Log()


def tables(log: Log) -> dict[str, Table]:
    """Make the fact tables of the log."""
    made: Mapping[str, Iterable[dict[str, Any]]] = {
        "log_events": _events(log.events),
        "redeliveries": ({**_placed(row.received_at), **_named(row, "redeliveries")} for row in log.redeliveries),
        "rejections": _rejections(log.rejections),
        "outages": (piece for row in log.outages for piece in _pieces(row)),
    }
    return {name: pa.Table.from_pylist(list(rows), schema=SCHEMAS[name]) for name, rows in made.items()}


def split(started_at: Instant, ended_at: Instant) -> Iterator[tuple[int, Instant, Instant]]:
    """Cut ``[started_at, ended_at)`` at UTC midnight: (utc_day, start_us, end_us)."""
    for utc_day in range(started_at // DAY_US, -(-ended_at // DAY_US)):
        yield utc_day, max(started_at, utc_day * DAY_US), min(ended_at, (utc_day + 1) * DAY_US)


def _placed(received_at: Instant) -> dict[str, int]:
    return {"at_us": received_at, "utc_day": received_at // DAY_US}


def _named(row: Any, table: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in SCHEMAS[table].names if hasattr(row, name)}


def _events(events: Iterable[Logged]) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for event in sorted(events, key=lambda event: event.position):
        occurred_at, event_id = event.occurred_at, event.event_id
        yield {
            **_named(event, "log_events"),
            **_placed(event.received_at),
            "occurred_us": occurred_at,
            "latency_us": None if occurred_at is None else event.received_at - occurred_at,
            "repeats_id": int(event_id in seen),
        }
        if event_id is not None:
            seen.add(event_id)


def _rejections(rejections: Iterable[Rejection]) -> Iterator[dict[str, Any]]:
    counts: dict[tuple[str, int], int] = {}
    for row in rejections:
        key = row.reason, (row.utc_day - _FIRST).days
        counts[key] = counts.get(key, 0) + row.refused
    for (reason, utc_day), refused in counts.items():
        yield {"reason": reason, "at_us": utc_day * DAY_US + _NOON_US, "utc_day": utc_day, "refused": refused}


def _pieces(outage: Outage) -> Iterator[dict[str, Any]]:
    for utc_day, start_us, end_us in split(outage.began_at, outage.ended_at):
        yield {
            "position": outage.position,
            "reason": outage.reason,
            "utc_day": utc_day,
            "start_us": start_us,
            "end_us": end_us,
            "begins": int(start_us == outage.began_at),
        }
