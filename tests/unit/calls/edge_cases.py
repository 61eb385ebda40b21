"""The published edge cases as test data: webhooks, events, and the rows expected of them.

Milliseconds from the base time of a case become instants, and ``started_ms`` becomes ``started_at`` etc.
``differences`` compares expected rows with actual ones, whether those came from the fold or over HTTP.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from calls import instants, stored
from calls.circumstances import Command, DetailRecord
from calls.event import Event
from calls.fold import fold_with_history
from calls.instants import MILLISECOND, Instant
from calls.policy import Policy
from calls.records import CallRecord
from calls.spans import Span

FILE = Path(__file__).parents[4] / "shared" / "data" / "edge_cases.json"

needs_file = pytest.mark.skipif(not FILE.exists(), reason=f"{FILE.name} of the shared folder is not here")

_AT = {
    "started_ms": "started_at",
    "ended_ms": "ended_at",
    "terminal_ms": "terminal_at",
    "initiated_ms": "initiated_at",
    "answered_ms_at": "answered_at",
    "hangup_ms_at": "hangup_at",
}

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One case. ``webhooks`` and ``events`` are in order of arrival; events are numbered from position 0.

    ``rows`` are the expected rows of tables of schema ``calls``, ``rows_before`` those before the last
    arrival; ``gaps`` the uncovered spans that rows of coverage expect, by the number of the row from 0. What a
    case expects beyond is in ``expect``, as published.
    """

    name: str
    category: str
    title: str
    webhooks: tuple[bytes, ...]
    events: tuple[Event, ...]
    as_of: Instant
    policy: Policy
    rows: Mapping[str, Rows]
    rows_before: Mapping[str, Rows]
    expect: Mapping[str, Any]
    outages: tuple[Span, ...] = ()
    commands: tuple[Command, ...] = ()
    reconciliation: tuple[DetailRecord, ...] = ()
    gaps: Mapping[int, tuple[Span, ...]] = field(default_factory=dict[int, tuple[Span, ...]])

    def fold(self, events: Sequence[Event] | None = None) -> CallRecord:
        """Fold the events, or some of them, with all that the case says beside them, and their history."""
        return fold_with_history(
            self.events if events is None else events,
            self.as_of,
            self.policy,
            outages=self.outages,
            commands=self.commands,
            reconciliation=self.reconciliation,
        )


def cases(*categories: str) -> Iterator[Case]:
    """Yield the cases of some categories; none where the file is absent."""
    for case in json.loads(FILE.read_text()) if FILE.exists() else []:
        if case["category"] in categories:
            yield read(case)


def read(case: Mapping[str, Any]) -> Case:
    """Read one published case."""
    base = instants.parse(case["base_time"])
    assert base is not None, case["id"]
    arrivals = sorted(case["events"], key=lambda event: event["arrival_index"])
    policy = Policy(**case.get("policy", {}))
    last_ms = max(event["occurred_offset_ms"] or 0 for event in arrivals)
    as_of = base + case.get("as_of_offset_ms", last_ms + policy.late_grace_ms + 1) * MILLISECOND
    webhooks = tuple(_webhook(event, base) for event in arrivals)
    before = case.get("before_last_event", {})
    return Case(
        name=case["id"],
        category=case["category"],
        title=case["title"],
        webhooks=webhooks,
        events=tuple(_events(webhooks, arrivals, base, last_received=as_of if before else None)),
        as_of=as_of,
        policy=policy,
        rows=_rows(case["expect"], base),
        rows_before=_rows(before, base),
        expect=case["expect"],
        outages=tuple((base + a * MILLISECOND, base + b * MILLISECOND) for a, b in case.get("outages", ())),
        commands=tuple(_command(each, base) for each in case.get("commands", ())),
        reconciliation=tuple(_record(each, base) for each in case.get("reconciliation", ())),
        gaps=_gaps(case["expect"].get("coverage", ()), base),
    )


def differences(expected: Sequence[Mapping[str, Any]], actual: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say how rows differ from the expected ones: by number, then field by field; nothing where they agree.

    Fields that are not expected are not looked at. Expected flags are contained in the actual ones, and an
    empty list of them means none. Instants may be integers or ISO 8601 text.
    """
    if len(expected) != len(actual):
        return [f"{len(actual)} rows instead of {len(expected)}"]
    return [
        f"row {number}: {field} is {row.get(field)!r} instead of {value!r}"
        for number, (wanted, row) in enumerate(zip(expected, actual, strict=True), 1)
        for field, value in wanted.items()
        if field not in row or not _agrees(field, value, row[field])
    ]


def _agrees(field: str, expected: Any, actual: Any) -> bool:
    if field == "flags":
        return set(expected) <= set(actual) if expected else not actual
    if field.endswith("_at") and isinstance(actual, str):
        actual = instants.parse(actual)
    return bool(expected == actual)


def _webhook(event: Mapping[str, Any], base: Instant) -> bytes:
    offset_ms = event["occurred_offset_ms"]
    occurred_at = None if offset_ms is None else instants.to_text(base + offset_ms * MILLISECOND)
    data = {
        "record_type": "event",
        "event_type": event["event_type"],
        "id": event["event_id"],
        "occurred_at": occurred_at,
        "payload": {key: value for key, value in event["payload"].items() if not key.startswith("_")},
    }
    default_meta = {"attempt": 1, "delivered_to": "https://hooks.example.invalid/webhooks"}
    return orjson.dumps({"data": data, "meta": event.get("meta", default_meta)})


def _events(
    webhooks: Sequence[bytes],
    arrivals: Sequence[Mapping[str, Any]],
    base: Instant,
    last_received: Instant | None,
) -> Iterator[Event]:
    """Give each event a receive time: no earlier than any that occurred before it arrived."""
    received_at = base
    for position, (webhook, arrival) in enumerate(zip(webhooks, arrivals, strict=True)):
        received_at = max(received_at, base + (arrival["occurred_offset_ms"] or 0) * MILLISECOND)
        if last_received is not None and position == len(webhooks) - 1:
            received_at = last_received
        yield stored.event(position, "webhook", received_at, webhook)


def _rows(expect: Mapping[str, Any], base: Instant) -> dict[str, Rows]:
    return {
        table: [dict(_field(key, value, base) for key, value in row.items() if key != "gaps") for row in rows]
        for table, rows in expect.items()
        if isinstance(rows, list)
    }


def _field(key: str, value: Any, base: Instant) -> tuple[str, Any]:
    if key in _AT:
        return _AT[key], None if value is None else base + value * MILLISECOND
    return key, value


def _command(command: Mapping[str, Any], base: Instant) -> Command:
    told = {key: value for key, value in command.items() if not key.endswith("_ms")}
    at_ms = next((value for key, value in command.items() if key.endswith("_ms")), None)
    return Command(**told, at=None if at_ms is None else base + at_ms * MILLISECOND)


def _record(record: Mapping[str, Any], base: Instant) -> DetailRecord:
    return DetailRecord(**dict(_field(key, value, base) for key, value in record.items()))


def _gaps(coverage: Sequence[Mapping[str, Any]], base: Instant) -> dict[int, tuple[Span, ...]]:
    """Give the gaps that rows expect, by the number of the row."""
    return {
        number: tuple((base + a * MILLISECOND, base + b * MILLISECOND) for a, b in row["gaps"])
        for number, row in enumerate(coverage)
        if "gaps" in row
    }
