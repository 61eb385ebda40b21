"""Where the processes behind one listener count together: files in a directory below ``CALLAUDIT_HOME/metrics``.

Whoever starts the processes makes the directory and numbers their places in it. What a process counted stays when it
dies, and the one that is started in its place goes on from there; only what was true of the dead one alone is dropped.
A directory whose maker is gone, however it ended, is cleared away by the next one.
"""

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

FILES = ("counter", "histogram", "gauge_livesum", "gauge_livemax")
"""One file of each kind of metric, named so by prometheus_client."""

FILE_BYTES = 65_536
"""What that library gives a file at first: more than everything here needs."""

_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one process counts: its directory, and its number there."""

    directory: Path
    number: int

    def prepare(self) -> None:
        """Give its files their room on the disk. Raises OSError.

        They are written through memory: on a disk that fills up later, a page without room would kill the process.
        """
        for kind in FILES:
            with self._file(kind).open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, FILE_BYTES)

    def left(self) -> None:
        """Drop what was true of its process alone, which has died. Never raises."""
        for kind in FILES:
            if kind.startswith("gauge"):
                with suppress(OSError):
                    self._file(kind).unlink()

    def _file(self, kind: str) -> Path:
        return self.directory / f"{kind}_{self.number}.db"


@contextmanager
def made(home: Path, processes: int) -> Generator[list[Place]]:
    """Make a directory for so many processes, for as long as the block runs.

    No places where it cannot be made: webhooks are worth more than figures, and each process counts for itself then.
    """
    try:
        directory, lock = _make(home / "metrics")
    except OSError:
        yield []
        return
    try:
        yield [Place(directory, number) for number in range(processes)]
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)


def _make(root: Path) -> tuple[Path, int]:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    turn = os.open(root / _LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)  # else a directory could be cleared away before its maker has locked it
        _clear(root)
        directory = Path(mkdtemp(dir=root))
        lock = _lock(directory)
        assert lock is not None
        return directory, lock
    finally:
        os.close(turn)


def _clear(root: Path) -> None:
    for directory in root.iterdir():
        if directory.is_dir() and (lock := _lock(directory)) is not None:
            shutil.rmtree(directory, ignore_errors=True)
            os.close(lock)


def _lock(directory: Path) -> int | None:
    """Lock a directory; None: its maker lives."""
    lock = os.open(directory / _LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
