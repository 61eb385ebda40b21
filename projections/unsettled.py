"""Commands that somebody must still see to: ended and not on record so, or in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, cast

import psycopg
from psycopg.rows import dict_row

from calls import instants
from calls.instants import Instant
from store import statements


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What ``calls.commands`` has of one command."""

    command_id: str
    call_leg_id: str | None
    call_control_id: str | None
    action: str | None
    state: str
    outcome: str | None
    sent_at: Instant | None
    confirmed_at: Instant | None
    expires_at: Instant | None
    flags: tuple[str, ...]


def ended(connection: psycopg.Connection[Any]) -> Sequence[Unsettled]:
    """Give the commands that were confirmed or expired, which the record does not say yet; 500 at most."""
    return _read(connection, "ended_commands")


def doubtful(connection: psycopg.Connection[Any]) -> Sequence[Unsettled]:
    """Give commands in doubt among all of their kind on their leg that may have been done, in order of time."""
    return _read(connection, "doubtful_commands")


def _read(connection: psycopg.Connection[Any], name: LiteralString) -> Sequence[Unsettled]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statements.load("projections", name)).fetchall()
    return [Unsettled(**{column: _plain(value) for column, value in row.items()}) for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instants.from_datetime(value)
    return tuple(cast("list[str]", value)) if isinstance(value, list) else value
