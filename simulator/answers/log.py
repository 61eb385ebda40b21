"""What ``log_integrity`` must say of a log that took the deliveries one after another."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from calls import catalogue
from calls.instants import Instant
from simulator.answers.asked import Asked, Row, last_if_none
from simulator.answers.figures import ms, rank
from simulator.hearing import Heard
from simulator.webhooks import Mark

MEASURES = (
    "events",
    "system",
    "duplicate_deliveries",
    "id_conflicts",
    "semantic_duplicates",
    "quarantined",
    "unattributed",
    "unknown_type",
    "aliased_type",
    "rejected",
    "outages",
    "late_events",
    "latency",
)
LATE_US = 900_000_000

_WITHOUT_DETAIL = ("duplicate_deliveries", "semantic_duplicates")


class _Nowhere:
    """The log is broken down by time alone."""

    connection_id = number = None


class Counted(NamedTuple):
    """One of a measure; ``detail`` is a type, a reason or a connection, ``us`` a latency."""

    measure: str
    detail: str | None
    us: int | None = None


def rows(heard: Sequence[Heard], asked: Asked, more: Sequence[tuple[Instant, Counted]] = ()) -> list[Row]:
    """Give the report's rows; ``more`` is what else the log holds and when it was received."""
    items = [*((at, _Nowhere(), one) for at, one in (*_counted(heard), *more))]
    return [
        {**asked.named(group), **row}
        for group, counted in asked.grouped(items).items()
        for measure in MEASURES
        for row in _of_measure(measure, [one for one in counted if one.measure == measure])
    ]


def _counted(heard: Sequence[Heard]) -> Iterator[tuple[Instant, Counted]]:
    ids: set[str] = set()
    for one in sorted(heard, key=lambda one: one.position):
        yield from ((one.received_at, each) for each in _of_event(one, known=one.event_id in ids))
        yield from ((at, Counted("duplicate_deliveries", None)) for at in one.again_at)
        if one.event_id is not None:
            ids.add(one.event_id)


def _of_event(one: Heard, *, known: bool) -> Iterator[Counted]:
    kind = one.event_type
    yield Counted("events", kind)
    if known:
        yield Counted("id_conflicts", kind)
    if one.quarantined is not None:
        yield Counted("quarantined", one.quarantined)
    if one.webhook.mark in {Mark.SEMANTIC_DUPLICATE, Mark.UNKNOWN_TYPE, Mark.ALIASED_TYPE}:
        yield Counted(str(one.webhook.mark), kind)
    if kind is not None and not catalogue.about_leg(kind):
        yield Counted("unattributed", kind)
    if one.occurred_at is not None:
        latency_us = one.received_at - one.occurred_at
        yield Counted("latency", one.connection_id, latency_us)
        if latency_us > LATE_US:
            yield Counted("late_events", kind)


def _of_measure(measure: str, counted: Sequence[Counted]) -> Iterator[Row]:
    """Give the total, then what it is made of."""
    yield _row(measure, None, len(counted), ())
    details = Counter(one.detail for one in counted if measure not in _WITHOUT_DETAIL and one.detail is not None)
    for detail in sorted(details, key=lambda detail: last_if_none([detail])):
        latencies = [one.us for one in counted if one.detail == detail and one.us is not None]
        yield _row(measure, detail, details[detail], latencies)


def _row(measure: str, detail: str | None, count: int, latencies: Sequence[int]) -> dict[str, Any]:
    median_us = rank(latencies, 50)
    return {
        "measure": measure,
        "detail": detail,
        "measured_count": count,
        "time_ms": 0 if measure == "outages" else None,
        "median_ms": ms(median_us),
        "p95_ms": ms(rank(latencies, 95)),
        "note": "negative median: a clock is wrong" if median_us is not None and median_us < 0 else None,
    }
