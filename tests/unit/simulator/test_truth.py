"""The truth agrees with what is sent, with itself, and with the fold, which knows nothing of it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import orjson

from calls import fold, stored
from calls.event import Event
from calls.records import CallRecord
from simulator import Simulation, TrueCall, recorders, simulate, transfers

TABLES = {
    "legs": "call_legs",
    "coverage": "coverage",
    "siprec_sessions": "siprec_sessions",
    "refer_attempts": "refer_attempts",
    "native_recordings": "native_recordings",
    "dtmf": "dtmf",
}


def _stored(simulation: Simulation) -> dict[tuple[str, bytes], bytes]:
    """Give one body for each distinct (id, data) among the genuine deliveries."""
    kept: dict[tuple[str, bytes], bytes] = {}
    for one in simulation.deliveries:
        if one.forgery is None:
            try:
                whole = orjson.loads(one.body)
            except orjson.JSONDecodeError:
                kept["", one.body] = one.body
                continue
            data = whole.get("data", whole)
            kept[data["id"], orjson.dumps(data)] = one.body
    return kept


def test_log_totals_agree_with_a_recount_of_the_deliveries(afternoon: Simulation) -> None:
    """Stored, repeated and conflicting events are counted again from the bytes."""
    kept, log = _stored(afternoon), afternoon.truth.log
    genuine = sum(one.forgery is None for one in afternoon.deliveries)
    ids = Counter(event_id for event_id, _ in kept if event_id)
    assert log.stored == len(kept)
    assert log.duplicate_deliveries == genuine - len(kept) > 0
    assert log.id_conflicts == sum(count - 1 for count in ids.values()) > 0


def test_marked_totals_agree_with_a_recount_of_the_types(afternoon: Simulation) -> None:
    """Aliases, new types and semantic duplicates are found again in the bytes."""
    events = [orjson.loads(body) for event_id, body in _bodies(afternoon) if event_id]
    data = [event.get("data", event) for event in events]
    log = afternoon.truth.log
    aliases = ("call.siprec.", "call_siprec_")
    assert log.aliased_type == sum(one["event_type"].startswith(aliases) for one in data) > 0
    new = ("call.mood.changed", "call.hologram.started", "call.translation.ended")
    assert log.unknown_type == sum(one["event_type"] in new for one in data) > 0
    alike = Counter(orjson.dumps({**one, "id": None}) for one in data)
    assert log.semantic_duplicates == sum(count - 1 for count in alike.values()) > 0
    assert log.unattributed == sum(one["event_type"].startswith("conference.") for one in data) > 0


def _bodies(simulation: Simulation) -> list[tuple[str, bytes]]:
    return [(event_id, body) for (event_id, _), body in _stored(simulation).items()]


def test_counts_conserve_calls_and_legs(afternoon: Simulation) -> None:
    """Counting webhooks' ids gives the sessions and legs of the truth."""
    named: defaultdict[str, set[str]] = defaultdict(set)
    for _, body in _bodies(afternoon):
        event = stored.event(0, "webhook", 0, body)
        if event.call_session_id and event.call_leg_id:
            named[event.call_session_id].add(event.call_leg_id)
    counts = afternoon.truth.counts()
    assert len(named) == counts["call_sessions"] == 500
    assert sum(map(len, named.values())) == counts["call_legs"]


def test_fold_of_the_deliveries_finds_the_true_rows(start: int) -> None:
    """Every leg, session, attempt and recording is found as it was, field by field, whatever its cause or code."""
    afternoon = simulate(seed=5, start=start, calls=1_200)
    assert {(row.final_code, row.outcome) for row in afternoon.truth.refer_attempts()} >= set(transfers.REFUSALS)
    assert {row.cause_raw for row in afternoon.truth.siprec_sessions()} >= {one.raw for one in recorders.REFUSALS}
    sessions: defaultdict[str, list[Event]] = defaultdict(list)
    for position, (_, body) in enumerate(_bodies(afternoon)):
        event = stored.event(position, "webhook", 0, body)
        if event.call_session_id is not None and event.occurred_at is not None:
            sessions[event.call_session_id].append(event)
    for call in afternoon.truth.calls:
        record = fold.fold(sessions[call.call_session_id], afternoon.truth.settled_at)
        assert record.review_at is None
        assert record.call_sessions[0].events == call.events
        assert _differences(call, record) == [], call.kind
        assert _spans_of(call) == [_span(span) for span in record.coverage_spans], call.kind
        conversation, true = record.session_coverage[0], call.session_coverage
        assert _unlike(true, conversation) == [], call.kind


def _differences(call: TrueCall, record: CallRecord) -> list[str]:
    found: list[str] = []
    for true_table, table in TABLES.items():
        true_rows, rows = (_ordered(getattr(of, name)) for of, name in ((call, true_table), (record, table)))
        if len(true_rows) != len(rows):
            found.append(f"{table}: {len(true_rows)} rows, found {len(rows)}")
        for true_row, row in zip(true_rows, rows, strict=False):
            found += [f"{table}.{name}" for name in _unlike(true_row, row)]
    return found


def _spans_of(call: TrueCall) -> list[tuple[Any, ...]]:
    return [_span(span) for row in call.coverage for span in row.spans]


def _span(span: Any) -> tuple[Any, ...]:
    return span.call_leg_id, span.seq, span.kind, span.started_at, span.ended_at


def _ordered(rows: Sequence[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: (row.call_leg_id, getattr(row, "occurred_at", getattr(row, "seq", 0))))


def _unlike(true_row: Any, row: Any) -> list[str]:
    names = [field.name for field in fields(true_row)]
    pairs = {name: (getattr(true_row, name), getattr(row, name)) for name in names if name != "spans"}
    flags = pairs.pop("flags", ((), ()))
    unlike = [name for name, (true, found) in pairs.items() if true != found]
    return unlike if set(flags[0]) <= set(flags[1]) else [*unlike, "flags"]
