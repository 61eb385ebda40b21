"""The columns of the read-model tables, derived from the rows that a call folds into: names, types, keys.

Plain values are all that writing rows takes. ``tables`` says the same to SQLAlchemy, which takes a third of a worker's
start to import.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_type_hints

from calls import records

WireType = Literal["timestamptz", "int8", "text", "jsonb", "text[]", "int8[]"]
"""A type as Postgres names it."""

_KEYS = {
    "call_sessions": ("call_session_id",),
    "call_legs": ("call_session_id", "call_leg_id"),
    "coverage": ("call_session_id", "call_leg_id"),
    "session_coverage": ("call_session_id",),
    "timeline": ("call_session_id", "position"),
    "commands": ("call_session_id", "command_id"),
}
_KEY_DEFAULT = ("call_session_id", "call_leg_id", "seq")
_LAST = ("finality", "revision", "revised_by", "positions")

_ARRAYS: Mapping[object, WireType] = {tuple[str, ...]: "text[]", tuple[int, ...]: "int8[]"}


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    wire_type: WireType
    nullable: bool


def names(row: type[records.Row]) -> tuple[str, ...]:
    """Give a row's column names in table order: what it says first, what every row carries last."""
    fields = [field.name for field in dataclasses.fields(row)]
    return (*(name for name in fields if name not in _LAST), *_LAST)


def key(name: str) -> tuple[str, ...]:
    """Give the columns that tell a table's rows apart."""
    return _KEYS.get(name, _KEY_DEFAULT)


def _columns(row: type[records.Row]) -> tuple[Column, ...]:
    hints = get_type_hints(row)
    return tuple(Column(name, _wire_type(name, hints[name]), _is_nullable(hints[name])) for name in names(row))


def _is_nullable(hint: Any) -> bool:
    return hint is Any or type(None) in getattr(hint, "__args__", ())


def _wire_type(name: str, hint: Any) -> WireType:
    if name.endswith("_at"):
        return "timestamptz"
    if hint is Any:
        return "jsonb"
    if hint in _ARRAYS:
        return _ARRAYS[hint]
    return "int8" if hint in (int, int | None) else "text"


COLUMNS: Mapping[str, tuple[Column, ...]] = {name: _columns(row) for name, row in records.TABLES.items()}
"""Table name -> its columns in table order."""
