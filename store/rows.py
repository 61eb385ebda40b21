"""Rows of the log as an auditor reads them: everything they claim, raw, and what must follow from it.

Texts stay the bytes they are stored as and instants the integers they are sent as: building dates and strings for a
million rows would take longer than all the hashing. ``leaf`` and ``entry`` say the same of one entry, in words.
"""

import hmac
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

import psycopg
from psycopg.types.numeric import Int8BinaryLoader
from psycopg.types.string import ByteaBinaryLoader

from store import leaf, statements
from store.entry import KEY_BYTES

CHUNK_ROWS = 4_096

Key = tuple[int, int, bytes]
"""A row of ``log.event_keys``: position, occurred_us, key."""

_POSTGRES_EPOCH_US = 946_684_800_000_000  # 2000-01-01: Postgres counts from there


class Row(NamedTuple):
    """A row of ``log.events``. Texts are UTF-8; ``occurred_at`` and ``received_at`` are microseconds since 2000."""

    position: int
    source: bytes
    event_type: bytes | None
    event_id: bytes | None
    occurred_at: int | None
    received_at: int
    call_session_id: bytes | None
    call_leg_id: bytes | None
    call_control_id: bytes | None
    connection_id: bytes | None
    signed_timestamp: bytes | None
    key_id: bytes | None
    quarantined: bytes | None
    masked: bool
    body: bytes
    signature: bytes | None
    sealed_body: bytes | None
    salt: bytes
    leaf_hash: bytes
    data_hash: bytes


def cursor(connection: psycopg.Connection[Any]) -> psycopg.Cursor[Row]:
    """Give a cursor that reads rows raw."""
    raw = connection.cursor(binary=True, row_factory=lambda _: Row._make)
    raw.adapters.register_loader("text", ByteaBinaryLoader)
    raw.adapters.register_loader("timestamptz", Int8BinaryLoader)
    return raw


def since(connection: psycopg.Connection[Any], first: int) -> Iterator[Row]:
    """Give the rows from a position on, in order, whatever is missing between them."""
    raw = cursor(connection)
    statement = statements.load("store", "read_rows")
    while rows := raw.execute(statement, {"first": first, "limit": CHUNK_ROWS}).fetchall():
        yield from rows
        first = rows[-1].position + 1


def at(connection: psycopg.Connection[Any], positions: list[int]) -> list[Row]:
    """Give the rows at the given positions, in order."""
    return cursor(connection).execute(statements.load("store", "read_rows_at"), {"positions": positions}).fetchall()


def keys_since(connection: psycopg.Connection[Any], first: int) -> Iterator[Key]:
    """Give the event keys from a position on, in order. Needs a transaction, for the cursor in the server."""
    with connection.cursor("event_keys", binary=True) as named:
        named.execute(statements.load("store", "read_keys"), {"first": first})
        while keys := named.fetchmany(CHUNK_ROWS):
            yield from keys


def leaf_of(row: Row) -> bytes:
    """Give the leaf that the row's claims make: ``leaf.encode`` of its entry."""
    claims = (
        *row[1:4],
        None if row.occurred_at is None else b"%d" % (row.occurred_at + _POSTGRES_EPOCH_US),
        b"%d" % (row.received_at + _POSTGRES_EPOCH_US),
        *row[6:13],
        b"1" if row.masked else b"0",
        hmac.digest(row.salt, _prefixed(row.body) + _prefixed(row.signature), "sha256"),
    )
    # Written out, for it runs a dozen times a row.
    parts = [leaf.NULL if claim is None else len(claim).to_bytes(4, "big") + claim for claim in claims]
    return leaf.VERSION + b"".join(parts)


def leaf_hash_of(row: Row) -> bytes:
    """Give the hash of the leaf that the row's claims make."""
    return sha256(b"\x00" + leaf_of(row)).digest()


def key_of(row: Row) -> Key:
    """Give the row of ``log.event_keys`` that the row must have: ``Entry.key`` of its entry."""
    digest = sha256(b"%d:%b%b" % (len(row.data_hash), row.data_hash, row.event_id or b"")).digest()
    occurred_us = 0 if row.occurred_at is None else row.occurred_at + _POSTGRES_EPOCH_US
    return row.position, occurred_us, digest[:KEY_BYTES]


def received_us(row: Row) -> int:
    """Give when the row's event was received, in microseconds since 1970."""
    return row.received_at + _POSTGRES_EPOCH_US


def _prefixed(value: bytes | None) -> bytes:
    return leaf.NULL if value is None else len(value).to_bytes(4, "big") + value
