"""Sealing: the tree grows over the rows that are new, and a signed checkpoint says what it is now.

A checkpoint is signed only if the log still has everything that was ever signed as its prefix. Obligations, labelled
below where they are met:

1. before the first signature, the log in the database is compared with the last checkpoint in the database and with
   the one kept beside the key: whichever is ahead, the log must reach it and have its root;
2. full tiles are stored before the checkpoint over them, and equal those that are there;
3. one sealer signs at a time, and only if nothing was signed and no key was changed since it looked;
4. what is signed is on disk beside the key before anybody else can have it.

Killed at any point, the next run starts from what is there; a checkpoint that reached the disk alone is given out then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from store import append, checkpoints, read, signing, statements, tiles, tree
from store.checkpoints import Checkpoint
from store.errors import CheckpointKeyMissing, LogBehindCheckpoint, LogInconsistent, TilesInconsistent
from store.notes import NoteRejected, Signer

CHUNK_POSITIONS = 16_384
"""Rows whose hashes are held at once, a few MB, and the longest time without a beat: some 200 ms on a slow core."""

_CONTINUE = "restore the newest backup, or let a new log begin here with `callaudit log continue --reason TEXT`"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the log is sealed: up to ``position``, which is the first that is not."""

    position: int
    sealed_at: datetime | None
    oldest_waiting: datetime | None


@dataclass(slots=True)
class _Known:
    """What a sealer goes on from: its key, what was signed last on either side, and the tree."""

    signer: Signer
    last_kept: str | None
    last_stored: str | None
    sealed: int
    builder: tiles.Builder


def connect(url: str) -> psycopg.Connection[Any]:
    """Open a connection to seal with, as the worker."""
    connection = psycopg.connect(url, autocommit=True, application_name="callaudit sealer", **append.SOON)
    connection.execute(
        "SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '60s';"
        " SET plan_cache_mode = force_custom_plan"  # only known positions let the planner see which partitions matter
    )
    return connection


def progress(connection: psycopg.Connection[Any]) -> Progress:
    """Say how far the log is sealed, whoever sealed it."""
    with connection.cursor(row_factory=class_row(Progress)) as cursor:
        found = cursor.execute(statements.load("store", "seal_progress")).fetchone()
    assert found is not None
    return found


class Sealer:
    """Seals over one connection. ``between`` is called between chunks: a large backlog must not look like death."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        folder: signing.Folder,
        now: Callable[[], datetime],
        between: Callable[[], object] = lambda: None,
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._now = now
        self._between = between
        self._known: _Known | None = None

    @property
    def agrees(self) -> bool:
        """Tell whether the last try found the log to be what was signed; one that got no turn found nothing out."""
        return self._known is not None

    def seal(self) -> Checkpoint | None:
        """Seal all that is not sealed; None if there is nothing, or another worker is at it.

        Raises SealingRefused (nothing is signed then), TreeIncomplete, or psycopg.Error; trying again is safe.
        """
        try:
            return self._seal()
        except psycopg.errors.LockNotAvailable:
            self._known = None
            return None
        except BaseException:
            self._known = None  # what was worked out since may not be stored
            raise

    def _seal(self) -> Checkpoint | None:
        known = self._known = self._known or self._look()
        size = read.head(self._connection) + 1
        if size < known.builder.size:
            raise _behind(size, known.builder.size)
        grow(self._connection, known.builder, size, keep, self._between)  # (2)
        return self._sign(known) if size > known.sealed else None

    def _look(self) -> _Known:
        """Find out where to go on, having compared the log with what was signed (1)."""
        with self._connection.transaction():
            self._connection.execute(statements.load("store", "take_seal_turn"))
            size = read.head(self._connection) + 1  # under the turn: whoever had it may have sealed what came since
            stored, kept = tree.last_checkpoint(self._connection), self._folder.last()
            signer = self._signer(stored, kept)
            ours = [self._ours(note, signer) for note in (stored, kept)]
            for each in ours:
                if each is not None:
                    compare(self._connection, each, size)
            last = max((each for each in ours if each is not None), key=lambda each: each.size, default=None)
            if last is not None and stored != kept:
                stored = kept = self._agree(last, stored if last == ours[0] else kept)
        sealed = 0 if last is None else last.size
        builder = tiles.Builder.resumed(sealed, lambda tile: tree.tile(self._connection, tile))
        return _Known(signer, kept, stored, sealed, builder)

    def _signer(self, stored: str | None, kept: str | None) -> Signer:
        signer = self._folder.signer()
        if signer is None:
            if stored is not None or kept is not None:
                raise CheckpointKeyMissing(
                    f"there is no key in {self._folder.path}, and this log was sealed before: put checkpoint.key back"
                    " from where the home directory was kept, or let a new log begin here with"
                    " `callaudit log continue --reason TEXT`"
                )
            return self._folder.make()
        if signer.verifier in self._folder.retired():
            raise CheckpointKeyMissing("the key was retired, and the next one not taken yet: run `log continue` again")
        return self._folder.published()

    def _ours(self, note: str | None, signer: Signer) -> Checkpoint | None:
        """Read a checkpoint of this log; one of a log that this one continues binds it no longer."""
        if note is None:
            return None
        try:
            origin = checkpoints.unverified(note).origin
            if origin != signer.name and origin in self._folder.retired_origins():
                return None
            return checkpoints.open_(note, signer.verifier)
        except NoteRejected as error:
            raise CheckpointKeyMissing(
                f"the last checkpoint of this log was not signed by the key in {self._folder.path} ({error}):"
                " put the key back that sealed this log"
            ) from error

    def _agree(self, last: Checkpoint, note: str | None) -> str:
        """Bring what was signed last to the side that has it not: its sealer died, or the folder is an older copy."""
        assert note is not None
        self._folder.keep_last(note)
        self._insert(last, note)
        return note

    def _sign(self, known: _Known) -> Checkpoint | None:
        with self._connection.transaction():
            self._connection.execute(statements.load("store", "take_seal_turn"))  # (3)
            seen = known.signer, known.last_kept, known.last_stored
            if (self._folder.signer(), self._folder.last(), tree.last_checkpoint(self._connection)) != seen:
                self._known = None
                return None
            checkpoint = Checkpoint(known.signer.name, known.builder.size, known.builder.root())
            note = checkpoints.sign(checkpoint, known.signer)
            self._folder.keep_last(note)  # (4)
            self._insert(checkpoint, note)
        known.last_kept = known.last_stored = note
        known.sealed = checkpoint.size
        return checkpoint

    def _insert(self, checkpoint: Checkpoint, note: str) -> None:
        self._connection.execute(
            statements.load("store", "insert_checkpoint"),
            {"size": checkpoint.size, "origin": checkpoint.origin, "note": note, "sealed_at": self._now()},
        )


Keep = Callable[[psycopg.Connection[Any], Sequence[tuple[tiles.Tile, bytes]]], object]


def grow(
    connection: psycopg.Connection[Any],
    builder: tiles.Builder,
    size: int,
    keep_tiles: Keep,
    between: Callable[[], object] = lambda: None,
) -> None:
    """Grow the tree over the rows up to that size, handing over the tiles that are full, chunk by chunk."""
    while builder.size < size:
        end = min(size, (builder.size // CHUNK_POSITIONS + 1) * CHUNK_POSITIONS)
        full = [made for leaf in tree.leaf_hashes(connection, builder.size, end) for made in builder.append(leaf)]
        keep_tiles(connection, full)
        between()


def keep(connection: psycopg.Connection[Any], made: Sequence[tuple[tiles.Tile, bytes]]) -> None:
    """Store full tiles. Raises TilesInconsistent if one is there with other hashes."""
    if made:
        columns = {
            "levels": [tile.level for tile, _ in made],
            "indices": [tile.index for tile, _ in made],
            "hashes": [hashes for _, hashes in made],
        }
        if connection.execute(statements.load("store", "insert_tiles"), columns).rowcount < len(made):
            compare_tiles(connection, made)


def compare_tiles(connection: psycopg.Connection[Any], made: Sequence[tuple[tiles.Tile, bytes]]) -> None:
    """Raise TilesInconsistent if a tile is stored with other hashes."""
    for tile, hashes in made:
        stored = tree.stored_tiles(connection, tile.level, tile.index, tile.index + 1)
        if stored and stored[0] != hashes:
            first = tile.index * tiles.WIDTH << tiles.HEIGHT * tile.level
            raise TilesInconsistent(
                f"tile {tile.path} was made of other rows than those that are there from position {first} on:"
                " the log was edited since; restore it from a backup, and compare with `callaudit log verify`"
            )


def compare(connection: psycopg.Connection[Any], signed: Checkpoint, size: int) -> None:
    """Raise SealingRefused unless the log, of that size, has what was signed as its prefix."""
    if signed.size > size:
        raise _behind(size, signed.size)
    if tree.root(connection, signed.size) != signed.root:
        raise LogInconsistent(
            f"the first {signed.size} events are not those that were signed: the log was edited, was put back to an"
            f" earlier state and has grown since, or is another one; {_CONTINUE}"
        )


def _behind(size: int, signed: int) -> LogBehindCheckpoint:
    return LogBehindCheckpoint(
        f"the log ends before position {size}, and a checkpoint over {signed} events was signed: {_CONTINUE}"
    )
