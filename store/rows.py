"""Rows of the log as an auditor reads them: everything they claim, raw, and what must follow from it.

Building dates and strings for a million rows would take longer than all the hashing. So what stands side by side in a
leaf is read as one array and stays the bytes that it is sent as: Postgres puts each element's length before it, and
FFFFFFFF for null, just as a leaf does. ``leaf`` and ``entry`` say the same of one entry, in words.
"""

import hmac
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, LiteralString, NamedTuple, TypeVar

import psycopg
from psycopg.types.numeric import Int8BinaryLoader
from psycopg.types.string import ByteaBinaryLoader

from store import leaf, statements
from store.entry import KEY_BYTES

Key = tuple[int, int, bytes]
"""A row of ``log.event_keys``: position, occurred_us, key."""

_T = TypeVar("_T")

_FETCH_ROWS = "FETCH 256 FROM event_rows"  # some 300 KB: few enough that they are still in the cache when hashed
_FETCH_KEYS = "FETCH 4096 FROM event_keys"
_POSTGRES_EPOCH_US = 946_684_800_000_000  # 2000-01-01: Postgres counts from there
_ARRAY_HEADER = 20  # bytes: dimensions, flags, element type, length and lower bound of the one dimension
_BLOCK = 64  # bytes that SHA-256 works on at once
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class Claims(NamedTuple):
    """What a leaf says in the open: texts in UTF-8, instants in decimal microseconds since 1970, ``masked`` 1 or 0."""

    source: bytes | None
    event_type: bytes | None
    event_id: bytes | None
    occurred_us: bytes | None
    received_us: bytes | None
    call_session_id: bytes | None
    call_leg_id: bytes | None
    call_control_id: bytes | None
    connection_id: bytes | None
    signed_timestamp: bytes | None
    key_id: bytes | None
    quarantined: bytes | None
    masked: bytes | None


class Row(NamedTuple):
    """A row of ``log.events``; ``occurred_at`` is in microseconds since 2000.

    ``claims`` and ``signed`` are arrays of what stands side by side in a leaf: its claims; the body and signature that
    it commits to. ``source`` and ``event_id`` stand beside, since every row is asked for them.
    """

    position: int
    claims: bytes
    signed: bytes
    salt: bytes
    leaf_hash: bytes
    data_hash: bytes
    source: bytes
    event_id: bytes | None
    occurred_at: int | None
    sealed_body: bytes | None

    @property
    def claimed(self) -> Claims:
        """The claims one by one."""
        return Claims._make(elements(self.claims))

    @property
    def event_type(self) -> bytes | None:
        """The kind of event, as sent."""
        return self.claimed.event_type

    @property
    def masked(self) -> bool:
        """Whether something in the body was masked: the last claim."""
        return self.claims.endswith(b"1")

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
    def received_us(self) -> int | None:
        """When it was received, in microseconds since 1970; None for what is no time."""
        said = self.claimed.received_us or b""
        return int(said) if said.lstrip(b"-").isdigit() else None

    @property
    def occurred_us(self) -> int | None:
        """When it happened by the provider's clock, in microseconds since 1970."""
        return None if self.occurred_at is None else self.occurred_at + _POSTGRES_EPOCH_US

    @property
    def _body_end(self) -> int:
        begins = _ARRAY_HEADER + 4
        return begins + int.from_bytes(self.signed[_ARRAY_HEADER:begins], "big")


def since(connection: psycopg.Connection[Any], first: int) -> Iterator[Row]:
    """Give the rows from a position on, in order, whatever is missing between them: once at a time in a transaction."""
    statement = _rows("WHERE position >= %(first)s::bigint ORDER BY position")
    connection.execute("DECLARE event_rows NO SCROLL CURSOR FOR " + statement, {"first": first})
    yield from _ahead(_raw(connection), _FETCH_ROWS)
    connection.execute("CLOSE event_rows")


def at(connection: psycopg.Connection[Any], positions: list[int]) -> list[Row]:
    """Give the rows at the given positions, in order."""
    statement = _rows("WHERE position = ANY(%(positions)s::bigint[]) ORDER BY position")
    return _raw(connection).execute(statement, {"positions": positions}).fetchall()


def system_before(connection: psycopg.Connection[Any], end: int) -> list[Row]:
    """Give the program's own events below a position, in order."""
    statement = _rows("WHERE source = 'system' AND position < %(end)s::bigint ORDER BY position")
    return _raw(connection).execute(statement, {"end": end}).fetchall()


def keys_since(connection: psycopg.Connection[Any], first: int) -> Iterator[Key]:
    """Give the event keys from a position on, in order: once at a time in a transaction."""
    statement = statements.load("store", "read_keys")
    connection.execute("DECLARE event_keys NO SCROLL CURSOR FOR " + statement, {"first": first})
    yield from _ahead(connection.cursor(binary=True), _FETCH_KEYS)
    connection.execute("CLOSE event_keys")


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
    """Give the leaf that the row's claims make: ``leaf.encode`` of its entry.

    Hashed, it takes 3.0 µs a row; 1.9 of it is SHA-256. With instants written and prefixed here it took 4.1.
    """
    commitment = _hmac(row.salt, row.signed[_ARRAY_HEADER:])
    return leaf.VERSION + row.claims[_ARRAY_HEADER:] + b"\0\0\0\x20" + commitment


def leaf_hash_of(row: Row) -> bytes:
    """Give the hash of the leaf that the row's claims make."""
    return sha256(b"\x00" + leaf_of(row)).digest()


def key_of(row: Row) -> Key:
    """Give the row of ``log.event_keys`` that the row must have: ``Entry.key`` of its entry."""
    digest = sha256(b"%d:%b%b" % (len(row.data_hash), row.data_hash, row.event_id or b"")).digest()
    return row.position, row.occurred_us or 0, digest[:KEY_BYTES]


def _rows(which: LiteralString) -> LiteralString:
    return statements.load("store", "read_rows") + which


def _ahead(cursor: psycopg.Cursor[_T], fetch: LiteralString) -> Iterator[_T]:
    """Read on; in a pipeline the server makes the next chunk while one is looked at.

    100,000 rows are verified in 1.5 s so, and in 2.1 without. psycopg's own server cursors know no pipeline. A thread
    would get the interpreter back from the checks only after its switch interval, each time that data came: 5 ms, and
    a chunk takes 3 to check.
    """
    cursor.execute(fetch)
    while chunk := cursor.fetchall():
        cursor.execute(fetch)
        yield from chunk


def _raw(connection: psycopg.Connection[Any]) -> psycopg.Cursor[Row]:
    cursor = connection.cursor(binary=True, row_factory=lambda _: Row._make)
    for name in ("text", "text[]", "bytea[]"):
        cursor.adapters.register_loader(connection.adapters.types.get_oid(name), ByteaBinaryLoader)
    cursor.adapters.register_loader("timestamptz", Int8BinaryLoader)
    return cursor


def _hmac(key: bytes, message: bytes) -> bytes:
    """Give the HMAC-SHA-256 (RFC 2104): by hand, since the library takes half as long again to find its algorithm."""
    if len(key) > _BLOCK:
        return hmac.digest(key, message, "sha256")
    padded = key.ljust(_BLOCK, b"\0")
    inner = sha256(padded.translate(_INNER))
    inner.update(message)
    return sha256(padded.translate(_OUTER) + inner.digest()).digest()
