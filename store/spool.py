"""The spool: where entries wait while the log cannot take them, one SQLite file a process, synced on every commit.

What was given to it is on disk when ``append`` returns, whatever happens to the process afterwards. It knows no
Postgres: ``store.tender`` moves its rows into the log. Its size is bounded; a full one, or a full disk, refuses.

A file is named for the process whose it is, and belongs to the one that holds its lock (``<file>.lock``, flock), which
the kernel releases however that process ends; ``adopt`` then takes the file over. What the log will never take is put
aside under another name, for somebody to look at.
"""

import dataclasses
import errno
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from store import files
from store.entry import Entry, Spooled
from store.errors import SpoolUnavailable

BYTES_MAX_DEFAULT = 2**30
"""One gibibyte: half a million webhooks, a day of most systems."""

ALARM_SHARE = 0.5
"""From this share of its bytes on, a spool says that it fills up: half of the time that is left to act."""

RESERVE_BYTES = 8 * 2**20
"""Left free on the disk: SQLite needs room to move rows out again, and a spool that filled the last of it would never
be emptied. Twice what its write-ahead log grows to."""

READ_BYTES_MAX = 16 * 2**20
"""Bytes of bodies that are read at once, to be appended."""

ASIDE = ".aside"
_PAGE_BYTES = 4_096
_FIELDS = tuple(field.name for field in dataclasses.fields(Entry))
_SCHEMA = f"""
    CREATE TABLE IF NOT EXISTS entries (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        refused TEXT,                       -- why the log will never take it, or null: it waits
        {", ".join(_FIELDS)}
    );
    CREATE INDEX IF NOT EXISTS waiting ON entries (received_us) WHERE refused IS NULL;
    CREATE INDEX IF NOT EXISTS aside ON entries (refused) WHERE refused IS NOT NULL;
    CREATE TABLE IF NOT EXISTS stretch (    -- since when its process can take webhooks, and until when it surely could
        one INTEGER PRIMARY KEY CHECK (one = 1), since_us INTEGER NOT NULL, alive_us INTEGER NOT NULL
    )
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row of the spool."""

    number: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Contents:
    """What a spool holds: rows that wait, rows set aside, bytes, and since when the oldest waits (us).

    Beside the bytes, which are bounded, SQLite's write-ahead log takes a few megabytes of disk.
    """

    rows: int
    set_aside: int
    bytes: int
    oldest_us: int | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time in which a process could take webhooks, microseconds since 1970."""

    since_us: int
    alive_us: int


class Spool:
    """One spool file, owned by this process. Safe to use from several threads."""

    def __init__(self, path: Path, lock: int | None, bytes_max: int = BYTES_MAX_DEFAULT) -> None:
        """Take the file's path and its lock, as ``create`` and ``adopt`` get them; nothing is opened yet."""
        self.path = path
        self.process = UUID(path.stem)
        self._lock = lock
        self._bytes_max = bytes_max
        self._turn = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def append(self, entries: Sequence[Entry]) -> Sequence[Spooled | SpoolUnavailable]:
        """Write the entries down, all or none, synced; says of each where it is, or why it is not."""
        names = ", ".join(_FIELDS)
        marks = ", ".join("?" * len(_FIELDS))
        statement = f"INSERT INTO entries ({names}) VALUES ({marks})"  # noqa: S608  names of the class
        try:
            self._see_that_there_is_room()
            with self._turn, self._opened() as connection:
                return [Spooled(connection.execute(statement, _row(entry)).lastrowid or 0) for entry in entries]
        except (sqlite3.Error, OSError) as error:
            self._give_up_after(error)
            return [SpoolUnavailable(str(error))] * len(entries)

    def oldest(self, limit: int) -> list[Waiting]:
        """Give rows that have waited longest, not more than can be held at ease. Raises SpoolUnavailable."""
        query = f"SELECT number, {', '.join(_FIELDS)} FROM entries WHERE refused IS NULL ORDER BY number LIMIT ?"  # noqa: S608
        try:
            with self._turn, self._opened() as connection:
                return _up_to_size(connection.execute(query, (limit,)))
        except (sqlite3.Error, OSError) as error:
            self._give_up_after(error)
            raise SpoolUnavailable(f"the spool {self.path} cannot be read: {error}") from error

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget rows that the log has. Raises SpoolUnavailable: they come again, and the log knows them."""
        self._change("DELETE FROM entries WHERE number = ?", [(number,) for number in numbers])
        if not self._ask("SELECT 1 FROM entries LIMIT 1"):
            self._ask("PRAGMA incremental_vacuum")  # while rows remain, this would need room itself

    def set_aside(self, number: int, reason: str) -> None:
        """Keep a row that the log refuses, out of the way of the others. Raises SpoolUnavailable."""
        self._change("UPDATE entries SET refused = ? WHERE number = ?", [(reason, number)])

    def refused(self) -> list[tuple[int, str, str | None]]:
        """Give the rows set aside: number, why, event id. Raises SpoolUnavailable."""
        return self._ask("SELECT number, refused, event_id FROM entries WHERE refused IS NOT NULL ORDER BY number")

    def note_alive(self, stretch: Stretch) -> None:
        """Write down that a process could take webhooks all that time. Raises SpoolUnavailable where it could not."""
        try:
            self._see_that_there_is_room()
        except OSError as error:
            raise SpoolUnavailable(f"the spool {self.path} cannot grow: {error.strerror}") from error
        self._change("INSERT OR REPLACE INTO stretch VALUES (1, ?, ?)", [(stretch.since_us, stretch.alive_us)])

    def stretch(self) -> Stretch | None:
        """Give what was noted last. Raises SpoolUnavailable."""
        noted = self._ask("SELECT since_us, alive_us FROM stretch")
        return Stretch(*noted[0]) if noted else None

    def contents(self) -> Contents:
        """Count it. Raises SpoolUnavailable."""
        ((rows, oldest_us),) = self._ask("SELECT count(*), min(received_us) FROM entries WHERE refused IS NULL")
        ((set_aside,),) = self._ask("SELECT count(*) FROM entries WHERE refused IS NOT NULL")
        ((used,),) = self._ask("SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count")
        return Contents(rows, set_aside, used * _PAGE_BYTES, oldest_us)

    def close(self) -> None:
        """Close the file; its lock stays until ``release``."""
        self._give_up()

    def abort(self) -> None:
        """Do nothing: a write waits for the disk alone."""

    def release(self, *, keep: bool) -> None:
        """Close the file and let go of it; without ``keep`` nothing of it is left, but for rows set aside."""
        self.close()
        if not keep:
            for path in (self.path, *_beside(self.path)):
                path.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def put_aside(self) -> None:
        """Let go of a file in which only rows set aside are left, under a name that nobody adopts."""
        self.close()
        self.path.rename(self.path.with_suffix(ASIDE))
        for path in _beside(self.path):
            path.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def _ask(self, query: str, *parameters: Any) -> list[Any]:
        try:
            with self._turn, self._opened() as connection:
                return connection.execute(query, parameters).fetchall()
        except (sqlite3.Error, OSError) as error:
            self._give_up_after(error)
            raise SpoolUnavailable(f"the spool {self.path} cannot be read: {error}") from error

    def _change(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        try:
            with self._turn, self._opened() as connection:
                connection.executemany(statement, rows)
        except (sqlite3.Error, OSError) as error:
            self._give_up_after(error)
            raise SpoolUnavailable(f"the spool {self.path} cannot be written: {error}") from error

    def _opened(self) -> sqlite3.Connection:
        """Open the file on first use, and after a failure; as a context, a connection is a transaction."""
        if self._connection is None:
            looking = self._lock is None
            self._connection = _open_to_look(self.path) if looking else _open(self.path, self._bytes_max)
        return self._connection

    def _see_that_there_is_room(self) -> None:
        disk = os.statvfs(self.path.parent)
        if disk.f_bavail * disk.f_frsize < RESERVE_BYTES:
            raise OSError(errno.ENOSPC, "the disk has no room to spare")

    def _give_up_after(self, error: Exception) -> None:
        """Open the file again next time; one that is only full can still be read, but perhaps not be opened."""
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
            self._give_up()

    def _give_up(self) -> None:
        with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()


def create(directory: Path, process: UUID, bytes_max: int = BYTES_MAX_DEFAULT) -> Spool:
    """Give a process a spool of its own in the directory. Raises OSError where none can be made."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{process}.sqlite"
    return Spool(path, _locked(path), bytes_max)


def adopt(directory: Path, unreadable: Callable[[Path, Exception], object]) -> Iterator[Spool]:
    """Take over the spools of processes that are gone; ``unreadable`` hears of those that cannot be."""
    for path in sorted(directory.glob("*.sqlite")):
        try:
            adopted = _adopted(path)
        except (OSError, ValueError, SpoolUnavailable) as error:
            unreadable(path, error)
        else:
            if adopted is not None:
                yield adopted


def _adopted(path: Path) -> Spool | None:
    try:
        adopted = Spool(path, _locked(path))
    except BlockingIOError:
        return None  # its process lives
    try:
        if path.exists():
            adopted.contents()
            return adopted
    except SpoolUnavailable:
        adopted.release(keep=True)
        raise
    adopted.release(keep=False)  # another process has just adopted and emptied it
    return None


def all_in(directory: Path) -> list[Spool]:
    """Give every spool of a directory, whoever owns it, also those put aside: to look into, and nothing else."""
    return [Spool(path, None) for path in sorted([*directory.glob("*.sqlite"), *directory.glob(f"*{ASIDE}")])]


def _up_to_size(rows: Iterable[Sequence[Any]]) -> list[Waiting]:
    waiting: list[Waiting] = []
    size = 0
    for number, *row in rows:
        entry = _entry(row)
        size += len(entry.body)
        if waiting and size > READ_BYTES_MAX:
            break
        waiting.append(Waiting(number, entry))
    return waiting


def _open_to_look(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=1.0)


def _open(path: Path, bytes_max: int) -> sqlite3.Connection:
    made = not path.exists()
    connection = sqlite3.connect(path, check_same_thread=False, timeout=1.0)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # set before any table; see remove
    connection.execute("PRAGMA secure_delete = OFF")  # nothing secret is in it, and overwriting would need room
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA journal_size_limit = {1_000 * _PAGE_BYTES}")
    connection.execute("PRAGMA synchronous = FULL")  # without it the newest commits would not outlive a power cut
    connection.execute(f"PRAGMA max_page_count = {max(1, bytes_max // _PAGE_BYTES)}")
    connection.executescript(_SCHEMA)
    known = {name for _, name, *_ in connection.execute("PRAGMA table_info(entries)")}
    for name in _FIELDS:  # a spool left by an earlier version of the program
        if name not in known:
            connection.execute(f"ALTER TABLE entries ADD COLUMN {name}")
    if made:
        files.sync_folder(path.parent)
    return connection


def _beside(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-shm", ".lock")]


def _locked(path: Path) -> int:
    """Take a spool file's lock. Raises BlockingIOError while the process that holds it lives."""
    lock = path.with_name(f"{path.name}.lock")
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock.exists() and lock.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)  # whoever emptied the spool removed this lock after we had opened it


def _row(entry: Entry) -> tuple[Any, ...]:
    values = (getattr(entry, name) for name in _FIELDS)
    return tuple(value.bytes if isinstance(value, UUID) else value for value in values)


def _entry(row: Sequence[Any]) -> Entry:
    given: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    delivery_id = given.pop("delivery_id")
    masked = bool(given.pop("masked"))
    return Entry(**given, masked=masked, delivery_id=None if delivery_id is None else UUID(bytes=delivery_id))
