"""Write what sessions folded into: only the rows that differ, set-wise, whatever the number of sessions.

Rows are staged in temporary tables of the same shape; what the live tables have and the stage has not goes, what
the stage has and they have not comes. Rewriting everything would be quadratic in a long session.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from calls import instants, records
from projections.columns import COLUMNS, WireType, key

BIGINT_MAX = 2**63 - 1


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Make the staging tables of this connection; they empty themselves at each commit."""
    for name in records.TABLES:
        connection.execute(
            sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE calls.{}) ON COMMIT DELETE ROWS").format(
                sql.Identifier(f"staged_{name}"), sql.Identifier(name)
            )
        )


def unstage(cursor: psycopg.Cursor[Any]) -> None:
    """Empty the staging tables before the end of a transaction that is to replace more than once."""
    names = sql.SQL(", ").join(sql.Identifier(f"staged_{name}") for name in records.TABLES)
    cursor.execute(sql.SQL("TRUNCATE {}").format(names))


def replace(cursor: psycopg.Cursor[Any], sessions: Sequence[str], folded: Iterable[records.CallRecord]) -> None:
    """Make the live rows of ``sessions`` those of the records, within the caller's transaction."""
    rows = gather(folded)
    for name, staged in rows.items():
        target = sql.Identifier(f"staged_{name}")
        if staged:
            copy_rows(cursor, target, name, staged)
        cursor.execute(_delete_gone(name, target), {"sessions": list(sessions)})
        if staged:
            cursor.execute(_insert_new(name, target), {"sessions": list(sessions)})


def gather(folded: Iterable[records.CallRecord]) -> dict[str, list[records.Row]]:
    """Sort the rows of many records by table."""
    rows: dict[str, list[records.Row]] = {name: [] for name in records.TABLES}
    for record in folded:
        for name, collected in rows.items():
            collected.extend(getattr(record, name))
    return rows


def copy_rows(cursor: psycopg.Cursor[Any], target: sql.Composable, name: str, rows: Iterable[records.Row]) -> None:
    """Copy rows of table ``name`` into ``target``, which has its shape."""
    shape = _SHAPES[name]
    columns = sql.SQL(", ").join(map(sql.Identifier, shape.columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(target, columns)
    with cursor.copy(statement) as copy:
        copy.set_types(shape.wire_types)
        for row in rows:
            copy.write_row([adapt(value) for adapt, value in zip(shape.adapters, shape.get(row), strict=True)])


def _delete_gone(name: str, staged: sql.Identifier) -> sql.Composed:
    return sql.SQL(
        "WITH gone AS (SELECT {columns} FROM calls.{live} WHERE call_session_id = ANY(%(sessions)s::text[])"
        " EXCEPT SELECT {columns} FROM {staged})"
        " DELETE FROM calls.{live} AS live USING gone WHERE {same}"
    ).format(live=sql.Identifier(name), staged=staged, same=same_row(name), columns=_columns(name))


def same_row(name: str) -> sql.Composed:
    """Give the condition that ``live`` and ``gone`` are the same row of a table.

    IS NOT DISTINCT FROM cannot be hashed: it stands only where a key may be null. (With it throughout, 12,000 rows
    of one session took ten seconds.)
    """
    nullable = {column.name for column in COLUMNS[name] if column.nullable}
    return sql.SQL(" AND ").join(
        sql.SQL("live.{0} IS NOT DISTINCT FROM gone.{0}" if column in nullable else "live.{0} = gone.{0}").format(
            sql.Identifier(column)
        )
        for column in key(name)
    )


def _insert_new(name: str, staged: sql.Identifier) -> sql.Composed:
    return sql.SQL(
        "INSERT INTO calls.{live} ({columns}) SELECT {columns} FROM {staged}"
        " EXCEPT SELECT {columns} FROM calls.{live} WHERE call_session_id = ANY(%(sessions)s::text[])"
    ).format(live=sql.Identifier(name), staged=staged, columns=_columns(name))


def _columns(name: str) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, _SHAPES[name].columns))


@dataclasses.dataclass(frozen=True, slots=True)
class _Shape:
    columns: tuple[str, ...]
    wire_types: list[WireType]
    adapters: list[Callable[[Any], Any]]
    get: Callable[[records.Row], tuple[Any, ...]]


def _shape(name: str) -> _Shape:
    columns = tuple(column.name for column in COLUMNS[name])
    wire_types: list[WireType] = [column.wire_type for column in COLUMNS[name]]
    return _Shape(columns, wire_types, [_ADAPTERS[each] for each in wire_types], attrgetter(*columns))


def _text(value: str | None) -> str | None:
    """Postgres text holds no NUL; the log has the bytes as they were."""
    return value.replace("\x00", "\ufffd") if value is not None and "\x00" in value else value


def _json(value: Any) -> Jsonb | None:
    return None if value is None else Jsonb(_without_nul(value))


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return _text(value)
        case list():
            return [_without_nul(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return {_text(str(key)): _without_nul(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case _:
            return value


_ADAPTERS: dict[WireType, Callable[[Any], Any]] = {
    "timestamptz": lambda value: None if value is None else instants.to_datetime(value),
    "int8": lambda value: value if value is None or -BIGINT_MAX <= value <= BIGINT_MAX else None,
    "text": _text,
    "jsonb": _json,
    "text[]": lambda value: [_text(item) for item in value],
    "int8[]": list,
}

_SHAPES = {name: _shape(name) for name in records.TABLES}
