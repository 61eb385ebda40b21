"""The keys that there are, in the table ``access.api_keys``: the owner adds, lists and revokes; a server checks."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from access import keys
from access.errors import KeyNotFound, KeyNotMade, ScopeMissing
from store import statements


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept. Without ``revoked_at`` it is in force; ``last_used_at`` is exact to a minute.

    ``actions``, ``connections`` and ``purpose``: see ``access.keys.Limits``.
    """

    key_id: str
    name: str
    scopes: Sequence[str]
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    actions: Sequence[str] | None
    connections: Sequence[str] | None
    purpose: str | None


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose key was presented, and what it is for."""

    key_id: str
    name: str
    scopes: Sequence[str]
    limits: keys.Limits


@dataclass(frozen=True, slots=True)
class _Kept:
    secret_hash: bytes = field(repr=False)
    name: str
    scopes: Sequence[str]
    revoked: bool
    actions: Sequence[str] | None
    connections: Sequence[str] | None
    purpose: str | None

    @property
    def limits(self) -> keys.Limits:
        return keys.Limits(actions=self.actions, connections=self.connections, purpose=self.purpose)


def add(connection: psycopg.Connection[Any], made: keys.Made) -> ApiKey:
    """Keep a new key. Raises KeyNotMade where a key in force has its name."""
    kept = made.presented
    given = {"key_id": kept.key_id, "name": made.name, "secret_hash": kept.secret_hash, "scopes": list(made.scopes)}
    limits = made.limits
    given |= {"actions": _list(limits.actions), "connections": _list(limits.connections), "purpose": limits.purpose}
    try:
        return _one(connection, "add_key", given)
    except psycopg.errors.UniqueViolation as error:
        raise KeyNotMade("name_taken", f"a key named {made.name} is in force: revoke it, or choose a name") from error


def listed(connection: psycopg.Connection[Any]) -> list[ApiKey]:
    """Give all keys, the revoked ones too, oldest first."""
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        return cursor.execute(statements.load("access", "list_keys")).fetchall()


def revoke(connection: psycopg.Connection[Any], which: str) -> ApiKey:
    """Revoke the key of that id, or the one in force of that name; a revoked one stays as it is. Raises KeyNotFound."""
    return _one(connection, "revoke_key", {"which": which})


def check(connection: psycopg.Connection[Any], token: str | None, scope: str) -> str:
    """Give the id of the key in force that this token is, having noted its use. Raises AccessRefused."""
    found = identify(connection, token)
    if scope not in found.scopes:
        raise ScopeMissing("scope_missing", f"this API key has no scope {scope}")
    note_use(connection, found.key_id)
    return found.key_id


def identify(connection: psycopg.Connection[Any], token: str | None) -> Identity:
    """Give whose key in force this token is. Raises KeyRefused.

    An unknown key id costs what a known one does, so that nobody learns by the clock which ones there are.
    """
    presented = keys.parse(token)
    with connection.cursor(row_factory=class_row(_Kept)) as cursor:
        kept = cursor.execute(statements.load("access", "find_key"), {"key_id": presented.key_id}).fetchone()
    right = hmac.compare_digest(presented.secret_hash, kept.secret_hash if kept else bytes(32))
    if kept is None or not right or kept.revoked:
        raise keys.refused()
    return Identity(presented.key_id, kept.name, kept.scopes, kept.limits)


def note_use(connection: psycopg.Connection[Any], key_id: str) -> None:
    """Note that a key was used."""
    connection.execute(statements.load("access", "note_use"), {"key_id": key_id})


def _list(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _one(connection: psycopg.Connection[Any], statement: str, given: dict[str, Any]) -> ApiKey:
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        row = cursor.execute(statements.load("access", statement), given).fetchone()
    if row is None:
        raise KeyNotFound(f"no key is named {given['which']}: `callaudit keys list` shows those there are")
    return row
