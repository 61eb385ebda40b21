"""Append: a batch of entries goes into the log in one transaction, or none of it does.

The caller owns the connection (``connect`` makes one that is fit for it) and must have masked and decoded the
entries. When ``append`` returns, the batch is on disk. Obligations, labelled below where they are met:

1. one writer at a time, and the head is read only under the lock;
2. an entry whose key is known, or that the batch holds twice, becomes a redelivery, never a second event; the same
   delivery of it, seen before, becomes nothing;
3. new entries get the next positions, without a gap, in the order given;
4. one entry that Postgres refuses must not take the others with it.
"""

import os
import socket
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import errors as postgres_errors

from store import leaf, merkle, statements
from store.entry import Entry, Kept, without_columns
from store.errors import EntryRefused, LogUnavailable, StoreError

REDELIVERIES_KEPT_MAX = 20
"""Deliveries of one event that are kept whole beside the first; more are only counted."""

_SESSION: LiteralString = """
    -- Promise 1 hangs on these two, so no database's or role's default may say otherwise.
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') IN ('off', 'local');
    SET default_transaction_isolation = 'read committed';
    SET lock_timeout = '1s';
    SET statement_timeout = '5s';  -- a batch takes milliseconds; a stuck writer must not hold the turn
    SET idle_in_transaction_session_timeout = '1s';
    -- Plans for the values at hand: a plan kept from an empty log would scan a full one, and only known values let
    -- the planner see that one partition matters.
    SET plan_cache_mode = force_custom_plan;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off
"""
_EVENT_TYPES = [
    "int8",
    "text",
    "bytea",
    "text",
    "text",
    "timestamptz",
    "timestamptz",
    "text",
    "text",
    "text",
    "text",
    "bytea",
    "text",
    "bytea",
    "text",
    "text",
    "bool",
    "bytea",
    "bytea",
    "bytea",
    "uuid",
]
SOON: Mapping[str, Any] = {
    "connect_timeout": 2,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}
"""Connection parameters (seconds; the last milliseconds) by which a silent network path is noticed soon."""

STUCK_SECONDS = 6.0
"""Longer than the session's own timeouts allow anything to take."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Key = tuple[int, bytes]


def connect(url: str, *, application_name: str) -> psycopg.Connection[Any]:
    """Open a connection to append with. It must be direct: a transaction-mode pooler would lose its settings."""
    connection = psycopg.connect(url, autocommit=True, application_name=application_name, **SOON)
    with patience(connection, STUCK_SECONDS):
        connection.execute(_SESSION)
    return connection


def cut(connection: psycopg.Connection[Any]) -> None:
    """Make a statement that waits for a silent server fail, from another thread; the connection is lost."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as line:
        line.shutdown(socket.SHUT_RDWR)


@contextmanager
def patience(connection: psycopg.Connection[Any], seconds: float) -> Generator[None]:
    """Cut the line if the block takes longer: timeouts of Postgres end what a live server delays, not a silent one."""
    timer = threading.Timer(seconds, cut, [connection])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Appender:
    """Appends batches over one connection, one after another; not for two threads at once."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._partitions_end = 0
        self._hint = max(0, self._head())  # a position known to be stored, or 0

    def append(self, entries: Sequence[Entry]) -> list[Kept | StoreError]:
        """Store the entries and say, in their order, where each one is, or why it is not stored.

        LogUnavailable: a later try may succeed, over a new connection. EntryRefused: none will.
        """
        try:
            return [*self._append_batch(entries)]
        except (psycopg.DataError, psycopg.IntegrityError, OverflowError, UnicodeError) as error:
            return self._without_refused(entries, error)
        except psycopg.Error as error:
            return [LogUnavailable(type(error).__name__)] * len(entries)

    def take_turn(self) -> None:
        """Take the append turn and give it back, which shows that the log can be appended to. Raises psycopg.Error."""
        with self._connection.transaction():
            self._connection.execute(statements.load("store", "take_append_turn"))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def abort(self) -> None:
        """End a statement that waits for a silent server, from another thread; the connection is lost. Never raises."""
        cut(self._connection)

    def _without_refused(self, entries: Sequence[Entry], error: Exception) -> list[Kept | StoreError]:
        """Append again what Postgres refused for its data, in halves, until the one it refuses stands alone."""
        if isinstance(error, postgres_errors.CheckViolation) and self._another_writer_passed_the_partitions():
            return self.append(entries)
        if len(entries) > 1:  # (4)
            middle = len(entries) // 2
            return self.append(entries[:middle]) + self.append(entries[middle:])
        bare = without_columns(entries[0])
        if bare == entries[0]:
            return [EntryRefused(type(error).__name__)]
        return self.append([bare])

    def _append_batch(self, entries: Sequence[Entry]) -> list[Kept]:
        first: dict[Key, Entry] = {}
        keys = [entry.key for entry in entries]
        for key, entry in zip(keys, entries, strict=True):
            first.setdefault(key, entry)
        self._ensure_partitions(self._hint + len(first))
        with self._connection.transaction(), self._connection.cursor(binary=True) as cursor:
            claimed = self._claim(cursor, list(first))
            if claimed:
                self._store(cursor, [(position, first[key]) for key, position in claimed.items()])
            known = self._find(cursor, [key for key in first if key not in claimed])
            kept = _outcomes(keys, claimed, known)
            again = [(k.position, e) for k, e in zip(kept, entries, strict=True) if k.redelivered]
            self._redeliver(cursor, self._unseen(cursor, again, {p: first[key] for key, p in claimed.items()}))
        self._hint = max(claimed.values(), default=self._hint)
        return kept

    def _claim(self, cursor: psycopg.Cursor[Any], keys: list[Key]) -> dict[Key, int]:
        with self._connection.pipeline():
            self._connection.execute(statements.load("store", "take_append_turn"))  # (1)
            cursor.execute(statements.load("store", "claim_positions"), {"hint": self._hint, **_arrays(keys)})
            return {(occurred_us, key): position for occurred_us, key, position in cursor}  # (2), (3)

    def _store(self, cursor: psycopg.Cursor[Any], placed: list[tuple[int, Entry]]) -> None:
        with cursor.copy(statements.load("store", "copy_events")) as copy:
            copy.set_types(_EVENT_TYPES)
            for position, entry in placed:
                copy.write_row(_row(position, entry))

    def _find(self, cursor: psycopg.Cursor[Any], keys: list[Key]) -> dict[Key, int]:
        if not keys:
            return {}
        cursor.execute(statements.load("store", "find_positions"), _arrays(keys))
        return {(occurred_us, key): position for occurred_us, key, position in cursor}

    def _unseen(
        self, cursor: psycopg.Cursor[Any], again: list[tuple[int, Entry]], claimed: Mapping[int, Entry]
    ) -> list[tuple[int, Entry]]:
        """Leave out deliveries that brought the event itself, or stand beside it already."""
        named = [(position, entry.delivery_id) for position, entry in again if entry.delivery_id is not None]
        if not named:
            return again
        seen = {(position, entry.delivery_id) for position, entry in claimed.items()}
        positions, deliveries = zip(*named, strict=True)
        cursor.execute(
            statements.load("store", "find_deliveries"), {"positions": list(positions), "deliveries": list(deliveries)}
        )
        seen.update(cursor)
        unseen: list[tuple[int, Entry]] = []
        for position, entry in again:
            if entry.delivery_id is None or (position, entry.delivery_id) not in seen:
                unseen.append((position, entry))
                seen.add((position, entry.delivery_id))
        return unseen

    def _redeliver(self, cursor: psycopg.Cursor[Any], redelivered: list[tuple[int, Entry]]) -> None:
        if not redelivered:
            return
        positions = [position for position, _ in redelivered]
        cursor.execute(statements.load("store", "count_redeliveries"), {"positions": positions})
        kept: dict[int, int] = dict(cursor.fetchall())
        for position, entry in redelivered:
            kept[position] = kept.get(position, 0) + 1
            if kept[position] <= REDELIVERIES_KEPT_MAX:
                cursor.execute(statements.load("store", "insert_redelivery"), _redelivery(position, entry))
            else:
                cursor.execute(statements.load("store", "add_redelivery_count"), {"position": position})

    def _ensure_partitions(self, upto: int) -> None:
        if upto < self._partitions_end:
            return
        row = self._connection.execute(statements.load("store", "ensure_partitions"), {"upto": upto}).fetchone()
        assert row is not None
        self._partitions_end = row[0]

    def _another_writer_passed_the_partitions(self) -> bool:
        """Tell whether the log has grown past the partitions this writer knew of, and make more if so."""
        head = self._head()
        if head <= self._hint:
            return False
        self._hint, self._partitions_end = head, 0
        return True

    def _head(self) -> int:
        row = self._connection.execute(statements.load("store", "head")).fetchone()
        assert row is not None
        return row[0]


def _outcomes(keys: list[Key], claimed: dict[Key, int], known: dict[Key, int]) -> list[Kept]:
    fresh = set(claimed)
    kept: list[Kept] = []
    for key in keys:
        is_first = key in fresh
        fresh.discard(key)
        kept.append(Kept(claimed[key] if key in claimed else known[key], redelivered=not is_first))
    return kept


def _arrays(keys: list[Key]) -> dict[str, list[Any]]:
    return {"occurred_us": [key[0] for key in keys], "keys": [key[1] for key in keys]}


def _row(position: int, entry: Entry) -> tuple[Any, ...]:
    salt = os.urandom(leaf.SALT_BYTES)
    return (
        position,
        entry.event_id,
        entry.data_hash,
        entry.source,
        entry.event_type,
        _timestamp(entry.occurred_us),
        _timestamp(entry.received_us),
        entry.call_session_id,
        entry.call_leg_id,
        entry.call_control_id,
        entry.connection_id,
        entry.body,
        entry.signed_timestamp,
        entry.signature,
        entry.key_id,
        entry.quarantined,
        entry.masked,
        entry.sealed_body,
        salt,
        merkle.leaf_hash(leaf.encode(entry, salt)),
        entry.delivery_id,
    )


def _redelivery(position: int, entry: Entry) -> dict[str, Any]:
    return {
        "position": position,
        "received_at": _timestamp(entry.received_us),
        "attempt": entry.attempt,
        "body": entry.body,
        "signed_timestamp": entry.signed_timestamp,
        "signature": entry.signature,
        "key_id": entry.key_id,
        "masked": entry.masked,
        "sealed_body": entry.sealed_body,
        "delivery_id": entry.delivery_id,
    }


def _timestamp(instant_us: int | None) -> datetime | None:
    return None if instant_us is None else _EPOCH + timedelta(microseconds=instant_us)
