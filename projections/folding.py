"""Read a part of the log and fold it, whoever keeps what comes of it: the rebuild, and reports as of then."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg

from calls.event import Event
from projections import project, sessions
from store import read


class Named(NamedTuple):
    """What a range of events names: (session, position), (leg, position) without a session, and (leg, session).

    A control id stands for a leg where ``sessions`` lets it.
    """

    sessions: list[tuple[str, int]]
    lone_legs: list[tuple[str, int]]
    links: set[tuple[str, str]]


def events_of(connection: psycopg.Connection[Any], first: int, end: int) -> list[Event]:
    """Read and decode the events of a range of positions."""
    return [project.from_stored(row) for row in read.since(connection, first, end - first)]


def named(events: Iterable[Event]) -> Named:
    """Tell which sessions and legs events name."""
    found = Named([], [], set())
    for event in events:
        found.links.update(sessions.links_of(event))
        if event.call_session_id:
            found.sessions.append((event.call_session_id, event.position))
        elif alias := sessions.lone_alias(event):
            found.lone_legs.append((alias, event.position))
    return found


def loaded(connection: psycopg.Connection[Any], members: Mapping[str, Sequence[int]]) -> dict[str, list[Event]]:
    """Read the events of sessions, given by their positions."""
    positions = sorted({position for its in members.values() for position in its})
    events = {row.position: project.from_stored(row) for row in read.at(connection, positions)}
    return {session: [events[position] for position in its] for session, its in members.items()}
