"""Read the log back: rows by position, in position order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from store import statements


@dataclass(frozen=True, slots=True)
class Stored:
    """What a projection needs of a log row; all else is in ``body``."""

    position: int
    source: str
    received_at: datetime
    body: bytes


def head(connection: psycopg.Connection[Any]) -> int:
    """Give the last position, or -1 while the log is empty."""
    row = connection.execute(statements.load("store", "head")).fetchone()
    assert row is not None
    return row[0]


def since(connection: psycopg.Connection[Any], position: int, limit: int) -> list[Stored]:
    """Give up to ``limit`` rows from ``position`` on."""
    with connection.cursor(row_factory=class_row(Stored), binary=True) as cursor:
        cursor.execute(statements.load("store", "read_since"), {"first": position, "end": position + limit})
        return cursor.fetchall()


def at(connection: psycopg.Connection[Any], positions: Sequence[int]) -> list[Stored]:
    """Give the rows at the given positions."""
    with connection.cursor(row_factory=class_row(Stored), binary=True) as cursor:
        cursor.execute(statements.load("store", "read_at"), {"positions": list(positions)})
        return cursor.fetchall()


def system(connection: psycopg.Connection[Any], first: int, end: int) -> list[Stored]:
    """Give the rows from ``first`` to before ``end`` that the program itself put on the record."""
    with connection.cursor(row_factory=class_row(Stored), binary=True) as cursor:
        cursor.execute(statements.load("store", "read_system"), {"first": first, "end": end})
        return cursor.fetchall()
