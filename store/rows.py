"""Rows of the log as an auditor reads them: everything they claim, raw, and what must follow from it.

Texts stay the bytes they are stored as and instants the integers they are sent as: building dates and strings for a
million rows would take longer than all the hashing. For the same reason what stands side by side in a leaf is read as
an array: on the wire Postgres puts each element's length before it, and FFFFFFFF for null, just as a leaf does.
``leaf`` and ``entry`` say the same of one entry, in words.
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
_ARRAY_HEADER = 20  # bytes: dimensions, flags, element type, length and lower bound of the one dimension
_BLOCK = 64  # bytes that SHA-256 works on at once
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class Row(NamedTuple):
    """A row of ``log.events``. Texts are UTF-8; ``occurred_at`` and ``received_at`` are microseconds since 2000.

    ``named``, ``located`` and ``signed`` are arrays of what stands side by side in a leaf: source to event id, session
    id to quarantined, body and signature.
    """

    position: int
    named: bytes
    occurred_at: int | None
    received_at: int
    located: bytes
    masked: bool
    signed: bytes
    salt: bytes
    leaf_hash: bytes
    data_hash: bytes
    source: bytes
    event_type: bytes | None
    event_id: bytes | None
    signed_timestamp: bytes | None
    key_id: bytes | None
    sealed_body: bytes | None

    @property
    def body(self) -> bytes:
        """What is kept of the bytes received."""
        return self.signed[_ARRAY_HEADER + 4 : self._body_end]

    @property
    def signature(self) -> bytes | None:
        """The provider's signature, where it is kept."""
        prefixed = self.signed[self._body_end :]
        return None if prefixed == leaf.NULL else prefixed[4:]

    @property
    def received_us(self) -> int:
        """When it was received, in microseconds since 1970."""
        return self.received_at + _POSTGRES_EPOCH_US

    @property
    def occurred_us(self) -> int | None:
        """When it happened by the provider's clock, in microseconds since 1970."""
        return None if self.occurred_at is None else self.occurred_at + _POSTGRES_EPOCH_US

    @property
    def _body_end(self) -> int:
        begins = _ARRAY_HEADER + 4
        return begins + int.from_bytes(self.signed[_ARRAY_HEADER:begins], "big")


def since(connection: psycopg.Connection[Any], first: int) -> Iterator[Row]:
    """Give the rows from a position on, in order, whatever is missing between them."""
    cursor = _raw(connection)
    statement = statements.load("store", "read_rows")
    while rows := cursor.execute(statement, {"first": first, "limit": CHUNK_ROWS}).fetchall():
        yield from rows
        first = rows[-1].position + 1


def at(connection: psycopg.Connection[Any], positions: list[int]) -> list[Row]:
    """Give the rows at the given positions, in order."""
    return _raw(connection).execute(statements.load("store", "read_rows_at"), {"positions": positions}).fetchall()


def system_before(connection: psycopg.Connection[Any], end: int) -> list[Row]:
    """Give the program's own events below a position, in order."""
    return _raw(connection).execute(statements.load("store", "read_system_rows"), {"end": end}).fetchall()


def keys_since(connection: psycopg.Connection[Any], first: int) -> Iterator[Key]:
    """Give the event keys from a position on, in order. Needs a transaction, for the cursor in the server."""
    with connection.cursor("event_keys", binary=True) as named:
        named.execute(statements.load("store", "read_keys"), {"first": first})
        while keys := named.fetchmany(CHUNK_ROWS):
            yield from keys


def elements(array: bytes) -> list[bytes | None]:
    """Take apart an array that was read raw."""
    found: list[bytes | None] = []
    at = _ARRAY_HEADER
    while at < len(array):
        prefix, at = array[at : at + 4], at + 4
        end = at if prefix == leaf.NULL else at + int.from_bytes(prefix, "big")
        found.append(None if prefix == leaf.NULL else array[at:end])
        at = end
    return found


def leaf_of(row: Row) -> bytes:
    """Give the leaf that the row's claims make: ``leaf.encode`` of its entry."""
    occurred = None if row.occurred_at is None else b"%d" % (row.occurred_at + _POSTGRES_EPOCH_US)
    received = b"%d" % (row.received_at + _POSTGRES_EPOCH_US)
    return b"".join(
        (
            leaf.VERSION,
            row.named[_ARRAY_HEADER:],
            _prefixed(occurred),
            _prefixed(received),
            row.located[_ARRAY_HEADER:],
            b"\0\0\0\1%d" % row.masked,
            b"\0\0\0\x20",
            _hmac(row.salt, row.signed[_ARRAY_HEADER:]),
        )
    )


def leaf_hash_of(row: Row) -> bytes:
    """Give the hash of the leaf that the row's claims make."""
    return sha256(b"\x00" + leaf_of(row)).digest()


def key_of(row: Row) -> Key:
    """Give the row of ``log.event_keys`` that the row must have: ``Entry.key`` of its entry."""
    digest = sha256(b"%d:%b%b" % (len(row.data_hash), row.data_hash, row.event_id or b"")).digest()
    occurred_us = 0 if row.occurred_at is None else row.occurred_at + _POSTGRES_EPOCH_US
    return row.position, occurred_us, digest[:KEY_BYTES]


def _raw(connection: psycopg.Connection[Any]) -> psycopg.Cursor[Row]:
    cursor = connection.cursor(binary=True, row_factory=lambda _: Row._make)
    for name in ("text", "text[]", "bytea[]"):
        cursor.adapters.register_loader(connection.adapters.types.get_oid(name), ByteaBinaryLoader)
    cursor.adapters.register_loader("timestamptz", Int8BinaryLoader)
    return cursor


def _prefixed(value: bytes | None) -> bytes:
    return leaf.NULL if value is None else len(value).to_bytes(4, "big") + value


def _hmac(key: bytes, message: bytes) -> bytes:
    """Give the HMAC-SHA-256 (RFC 2104): by hand, since the library takes half as long again to find its algorithm."""
    if len(key) > _BLOCK:
        return hmac.digest(key, message, "sha256")
    padded = key.ljust(_BLOCK, b"\0")
    inner = sha256(padded.translate(_INNER))
    inner.update(message)
    return sha256(padded.translate(_OUTER) + inner.digest()).digest()
