"""Which events belong to which session: registered as the log is read, so that a fold finds all of them.

An event belongs to the session it names. One that names only a leg belongs to every session that the leg's other
events name, whenever those come; until then the leg's own id stands for the session. So it is with commands, which name
a call control id: in the tables of legs that id stands where a leg's does. (None is both: a control id is a token.)
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg

from calls import commands
from calls.event import Event
from store import statements


def register(cursor: psycopg.Cursor[Any], events: Sequence[Event]) -> dict[str, int]:
    """Register events and give the sessions they touch, each with its first touched position."""
    linked = _link(cursor, events)
    lone = [(alias, event.position) for event in events if (alias := lone_alias(event)) is not None]
    pairs = [(event.call_session_id, event.position) for event in events if event.call_session_id is not None]
    pairs += _sessions_of(cursor, lone)
    touched: dict[str, int] = {}
    for session, position in pairs:
        touched.setdefault(session, position)
    _add(cursor, pairs)
    for session, position in _adopt(cursor, linked):
        touched[session] = min(position, touched.get(session, position))
    return touched


def lone_alias(event: Event) -> str | None:
    """Give the leg, or for a command the call, that an event names instead of a session."""
    if event.call_session_id is not None:
        return None
    return commands.alias(event) if event.source == commands.SOURCE else event.call_leg_id


def links_of(event: Event) -> Iterator[tuple[str, str]]:
    """Give the legs and control ids that an event ties to its session."""
    if event.call_session_id:
        yield from ((name, event.call_session_id) for name in (event.call_leg_id, event.call_control_id) if name)


def aliases_of(event: Event) -> Iterator[str]:
    """Give every name by which an event may tie others to a session, or be tied itself."""
    yield from (name for name in (event.call_leg_id, event.call_control_id) if name)
    if event.source == commands.SOURCE and (alias := commands.alias(event)):
        yield alias


def _link(cursor: psycopg.Cursor[Any], events: Iterable[Event]) -> list[tuple[str, str]]:
    links = {link for event in events for link in links_of(event)}
    if not links:
        return []
    legs, sessions = zip(*sorted(links), strict=True)
    cursor.execute(_sql("link_legs"), {"legs": list(legs), "sessions": list(sessions)})
    return cursor.fetchall()


def _sessions_of(cursor: psycopg.Cursor[Any], lone: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    if not lone:
        return []
    legs = [alias for alias, _ in lone]
    positions = [position for _, position in lone]
    cursor.execute(_sql("add_sessionless_events"), {"legs": legs, "positions": positions})
    cursor.execute(_sql("sessions_of_legs"), {"legs": legs})
    known: dict[str, list[str]] = {}
    for leg, session in cursor:
        known.setdefault(leg, []).append(session)
    return [(session, position) for alias, position in lone for session in known.get(alias, [alias])]


def _add(cursor: psycopg.Cursor[Any], pairs: Sequence[tuple[str, int]]) -> None:
    if pairs:
        sessions, positions = zip(*pairs, strict=True)
        cursor.execute(_sql("add_session_events"), {"sessions": list(sessions), "positions": list(positions)})


def _adopt(cursor: psycopg.Cursor[Any], linked: Sequence[tuple[str, str]]) -> list[tuple[str, int]]:
    """Hand events without a session over to sessions that are new; give each with the sessions this changes."""
    if not linked:
        return []
    legs, sessions = map(list, zip(*linked, strict=True))
    cursor.execute(_sql("adopt_sessionless_events"), {"legs": legs, "sessions": sessions})
    changed = cursor.fetchall()
    if changed:
        cursor.execute(_sql("dissolve_leg_sessions"), {"legs": legs})
        changed += cursor.fetchall()
    return changed


def _sql(name: str) -> Any:
    return statements.load("projections", name)
