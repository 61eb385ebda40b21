"""When the log was how large, as far as it tells: by its checkpoints, and by when events were received."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from store import read, statements


@dataclass(frozen=True, slots=True)
class Sealed:
    """A size that was sealed, and when."""

    size: int
    sealed_at: datetime


def sealed_by(connection: psycopg.Connection[Any], by: datetime) -> Sealed | None:
    """Give the last checkpoint that was sealed by then, if there was one."""
    with connection.cursor(row_factory=class_row(Sealed)) as cursor:
        return cursor.execute(statements.load("store", "sealed_by"), {"by": by}).fetchone()


def sealed_at(connection: psycopg.Connection[Any], size: int) -> datetime | None:
    """Say when a checkpoint of exactly that size was sealed first."""
    row = connection.execute(statements.load("store", "sealed_at"), {"size": size}).fetchone()
    return None if row is None else row[0]


def last_received(connection: psycopg.Connection[Any], end: int) -> datetime | None:
    """Say when the latest of the events below a position was received; None: there is no event."""
    row = connection.execute(statements.load("store", "last_received"), {"end": end}).fetchone()
    return None if row is None else row[0]


def received(connection: psycopg.Connection[Any], position: int) -> datetime | None:
    """Say when the event at a position was received; None: there is none."""
    rows = read.at(connection, [position])
    return rows[0].received_at if rows else None
