"""The read-model tables of schema ``calls``, derived from the rows that a call folds into.

Alembic compares the migrated database with this; queries and the projector take names and types from it.
"""

import dataclasses
from typing import Any, get_type_hints

import sqlalchemy
from sqlalchemy.dialects import postgresql

from calls import records

METADATA = sqlalchemy.MetaData(schema="calls")

_KEYS = {
    "call_sessions": ("call_session_id",),
    "call_legs": ("call_session_id", "call_leg_id"),
    "coverage": ("call_session_id", "call_leg_id"),
    "session_coverage": ("call_session_id",),
    "timeline": ("call_session_id", "position"),
}
_KEY_DEFAULT = ("call_session_id", "call_leg_id", "seq")
_LAST = ("finality", "revision", "revised_by", "positions")

_ARRAYS: dict[object, Any] = {
    tuple[str, ...]: postgresql.ARRAY(sqlalchemy.Text),
    tuple[int, ...]: postgresql.ARRAY(sqlalchemy.BigInteger),
}


def columns(row: type[records.Row]) -> tuple[str, ...]:
    """Give a row's column names in table order: what it says first, what every row carries last."""
    names = [field.name for field in dataclasses.fields(row)]
    return (*(name for name in names if name not in _LAST), *_LAST)


def key(name: str) -> tuple[str, ...]:
    """Give the columns that tell a table's rows apart."""
    return _KEYS.get(name, _KEY_DEFAULT)


def _column(name: str, hint: Any, key_columns: tuple[str, ...]) -> sqlalchemy.Column[Any]:
    nullable = hint is Any or type(None) in getattr(hint, "__args__", ())
    primary = name in key_columns and not nullable
    return sqlalchemy.Column(name, _type(name, hint), nullable=nullable, primary_key=primary)


def _type(name: str, hint: Any) -> Any:
    if name.endswith("_at"):
        return sqlalchemy.TIMESTAMP(timezone=True)
    if hint is Any:
        return postgresql.JSONB()
    if hint in _ARRAYS:
        return _ARRAYS[hint]
    return sqlalchemy.BigInteger() if hint in (int, int | None) else sqlalchemy.Text()


def _table(name: str, row: type[records.Row]) -> sqlalchemy.Table:
    hints = get_type_hints(row)
    return sqlalchemy.Table(name, METADATA, *(_column(each, hints[each], key(name)) for each in columns(row)))


TABLES = {name: _table(name, row) for name, row in records.TABLES.items()}
"""Table name -> table, in the order in which a call's page shows them."""
