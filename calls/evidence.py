"""The events of one session put in order, each fact once (domain 8, 8b "Order and input").

What comes out does not depend on the order or the number of times the events came in.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from calls import canonical
from calls.event import Event, order
from calls.instants import Instant


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one session.

    ``events`` are the distinct events in order, those without a usable time after all others. ``facts`` are
    the ones rows are built from: timed, and without semantic duplicates. ``conflicts`` are the event ids that
    came with more than one content.
    """

    events: tuple[Event, ...]
    facts: tuple[Event, ...]
    conflicts: frozenset[str]


def sift(events: Iterable[Event]) -> Evidence:
    """Collapse repeats, put the rest in order."""
    distinct = _distinct(events)
    timed = sorted((event for event in distinct if event.occurred_at is not None), key=order)
    untimed = (event for event in distinct if event.occurred_at is None)
    last = sorted(untimed, key=lambda event: (event.event_id, event.canonical))
    return Evidence((*timed, *last), tuple(_facts(timed)), _conflicts(distinct))


def fact(event: Event) -> tuple[str | None, str, Instant | None, bytes]:
    """Give what two events with different ids share when they tell the same fact twice (domain 8 rule 2)."""
    # What is nested too deep to compare is a fact of its own: canonical holds the event id.
    payload = canonical.encode(event.payload) or event.canonical
    return event.call_leg_id, event.kind, event.occurred_at, payload


def _distinct(events: Iterable[Event]) -> list[Event]:
    """Keep one event of each id and content: the one stored first."""
    distinct: dict[tuple[str, bytes], Event] = {}
    for event in events:
        known = distinct.setdefault((event.event_id, event.canonical), event)
        if event.position < known.position:
            distinct[event.event_id, event.canonical] = event
    return list(distinct.values())


def _facts(timed: Iterable[Event]) -> Iterable[Event]:
    """Leave out what an event of another id told before; both halves of an id conflict stay."""
    told_by: dict[object, str] = {}
    for event in timed:
        if told_by.setdefault(fact(event), event.event_id) == event.event_id:
            yield event


def _conflicts(distinct: Iterable[Event]) -> frozenset[str]:
    contents = Counter(event.event_id for event in distinct if event.event_id)
    return frozenset(event_id for event_id, count in contents.items() if count > 1)
