"""A second place for the checkpoints: a folder or an object store that whoever could edit the database cannot.

``checkpoint`` is the last one; each stays under ``checkpoints/<origin's digits>/<size, 20 digits>``, written once.
Nothing is written there that contradicts the last one there: where the log was cut off or edited, the second place goes
on saying what it was.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import obstore
import psycopg
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, from_url

from store import checkpoints, merkle, notes, signing, statements, tree
from store.checkpoints import Checkpoint
from store.errors import MirrorInconsistent, MirrorUnavailable, TreeIncomplete

LAST = "checkpoint"
CHECKPOINTS_MAX = 1_000
"""Written in one go: three hours of a busy log."""

SCHEMES = frozenset({"file", "memory", "s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "http", "https"})

_Found = TypeVar("_Found")


def open_store(target: str, client: Mapping[str, Any] | None = None) -> Any:
    """Open a folder, or what a URL names. Raises MirrorUnavailable, which does not repeat it.

    ``client`` are options of obstore's HTTP client, beside the bounds on its time.
    """
    if "://" not in target:
        return _tried(lambda: LocalStore(Path(target).expanduser().absolute(), mkdir=True))
    options: dict[str, Any] = {}
    if not target.startswith(("file:", "memory:")):
        options["client_options"] = {"timeout": "10s", "connect_timeout": "5s", **(client or {})}
        options["retry_config"] = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}
    opened: Any = _tried(lambda: cast("Any", from_url)(target, **options))
    return opened


class Mirror:
    """Writes the checkpoints of one log to a store; one at a time."""

    def __init__(self, store: Any, folder: signing.Folder) -> None:
        self._store = store
        self._folder = folder
        self._written: str | None = None

    def catch_up(self, connection: psycopg.Connection[Any]) -> int:
        """Write the checkpoints that are not there yet, and say how many.

        Raises MirrorInconsistent (nothing more is written then), MirrorUnavailable, SealingRefused, or psycopg.Error.
        """
        key, newest = self._folder.verifier(), tree.last_checkpoint(connection)
        if key is None or newest is None or newest == self._written:
            return 0
        wrote = self._write(connection, key, newest)
        if wrote < CHECKPOINTS_MAX:
            self._written = newest
        return wrote

    def _write(self, connection: psycopg.Connection[Any], key: notes.Verifier, newest: str) -> int:
        last = self._last(key)
        size = 0 if last is None else last.size
        bounds = {"origin": key.name, "size": size, "limit": CHECKPOINTS_MAX}
        new = [note for (note,) in connection.execute(statements.load("store", "checkpoints_since"), bounds)]
        if not new and last is not None:
            _compare_newest(newest, key, last)
        for note in new:
            sealed = _opened(note, key, "the log")
            if last is not None:
                _compare(connection, last, sealed)
            self._keep(sealed, note)
            last = sealed
        if new:
            self._put(LAST, new[-1])
        return len(new)

    def _last(self, key: notes.Verifier) -> Checkpoint | None:
        """Give the last checkpoint there, if it is one of this log; one of a log that this one continues is none."""
        note = self._get(LAST)
        if note is None:
            return None
        try:
            origin = checkpoints.unverified(notes.decode(note)).origin
        except notes.NoteRejected as error:
            raise MirrorInconsistent(f"what lies there as the last checkpoint is none: {error}") from error
        if origin != key.name and origin in self._folder.retired_origins():
            return None
        return _opened(notes.decode(note), key, "the second place")

    def _keep(self, sealed: Checkpoint, note: str) -> None:
        path = f"checkpoints/{sealed.origin.rpartition('/')[2]}/{sealed.size:020}"
        try:
            _tried(lambda: obstore.put(self._store, path, note.encode(), mode="create"), AlreadyExistsError)
        except AlreadyExistsError:
            if self._get(path) != note.encode():
                raise MirrorInconsistent(f"another checkpoint over {sealed.size} events lies there") from None

    def _put(self, path: str, note: str) -> None:
        _tried(lambda: obstore.put(self._store, path, note.encode()))

    def _get(self, path: str) -> bytes | None:
        try:
            return _tried(lambda: bytes(obstore.get(self._store, path).bytes()), FileNotFoundError)
        except FileNotFoundError:
            return None


def _compare_newest(newest: str, key: notes.Verifier, last: Checkpoint) -> None:
    """With nothing larger, what was sealed last must be what lies there: else the log was put back."""
    sealed = checkpoints.unverified(newest)
    if sealed.origin == key.name and sealed != last:
        raise MirrorInconsistent(
            f"a checkpoint over {last.size} events lies there, and the log was sealed last over {sealed.size}"
        )


def _opened(note: str, key: notes.Verifier, where: str) -> Checkpoint:
    try:
        return checkpoints.open_(note, key)
    except notes.NoteRejected as error:
        raise MirrorInconsistent(f"the last checkpoint of {where} is not one of this log: {error}") from error


def _compare(connection: psycopg.Connection[Any], last: Checkpoint, sealed: Checkpoint) -> None:
    try:
        proof = tree.consistency(connection, last.size, sealed.size)
        merkle.verify_consistency(last.size, sealed.size, last.root, sealed.root, proof)
    except (merkle.ProofRejected, TreeIncomplete) as error:
        raise MirrorInconsistent(
            f"the log sealed over {sealed.size} events is not the one of which {last.size} lie there: {error}"
        ) from error


def _tried(do: Callable[[], _Found], *expected: type[Exception]) -> _Found:
    """Do something with the store; whatever it raises, it cannot be reached."""
    try:
        return do()
    except expected:
        raise
    except Exception as error:
        raise MirrorUnavailable(f"the second place of the checkpoints fails: {type(error).__name__}") from error
