"""Calls, found and shown whole: every row of every read model, under the names the tables have."""

from typing import Any

import sqlalchemy as sa

from projections import tables

SESSIONS = tables.TABLES["call_sessions"]
LEGS = tables.TABLES["call_legs"]
LIMIT_DEFAULT = 50

# Rows of a call in the order a person reads them.
_ORDERS = {"timeline": ("seq",)}
_ORDER_DEFAULT = ("call_leg_id", "seq")


Row = dict[str, Any]


def latest(connection: sa.Connection, limit: int = LIMIT_DEFAULT) -> list[Row]:
    """Give the sessions that started last, newest first."""
    query = sa.select(SESSIONS).order_by(SESSIONS.c.started_at.desc().nulls_last(), SESSIONS.c.call_session_id)
    return _plain(connection.execute(query.limit(limit)))


def show(connection: sa.Connection, call_id: str) -> dict[str, list[Row]] | None:
    """Give all rows of one call by its session, leg or control id, a list a table; None if there is no such call."""
    session = _session_of(connection, call_id)
    if session is None:
        return None
    return {name: _rows(connection, name, session) for name in tables.TABLES}


def _session_of(connection: sa.Connection, call_id: str) -> str | None:
    by_itself = sa.select(SESSIONS.c.call_session_id, sa.literal(0).label("rank")).where(
        SESSIONS.c.call_session_id == call_id
    )
    by_leg = sa.select(LEGS.c.call_session_id, sa.literal(1)).where(LEGS.c.call_leg_id == call_id)
    by_control = sa.select(LEGS.c.call_session_id, sa.literal(2)).where(LEGS.c.call_control_id == call_id)
    found = by_itself.union(by_leg, by_control).order_by("rank", "call_session_id").limit(1)
    row = connection.execute(found).first()
    return None if row is None else row[0]


def _rows(connection: sa.Connection, name: str, session: str) -> list[Row]:
    table = tables.TABLES[name]
    order = [table.c[column] for column in _ORDERS.get(name, _ORDER_DEFAULT) if column in table.c]
    query = sa.select(table).where(table.c.call_session_id == session).order_by(*order)
    return _plain(connection.execute(query))


def _plain(result: sa.CursorResult[Any]) -> list[Row]:
    """Give rows under plain strings: orjson refuses SQLAlchemy's own kind of name as a key."""
    names = [str(name) for name in result.keys()]  # noqa: SIM118  a result is no dictionary
    return [dict(zip(names, row, strict=True)) for row in result]
