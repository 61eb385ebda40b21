"""Files that are wholly on disk before anybody finds them under their name, and found there after a crash."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

DRAFT = ".draft."
"""How the names of drafts begin. The rest is random: processes on several machines may have the same number."""


@contextmanager
def draft(folder: Path, content: bytes, mode: int = 0o600) -> Generator[Path]:
    """Give a file that is wholly on disk, to be put in its place; what was done to the folder is on disk at the end."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=folder, prefix=DRAFT)  # readable by its owner alone
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            _give_to_owner(file.fileno(), folder)
            os.fsync(file.fileno())
        yield Path(name)
        sync_folder(folder)
    finally:
        Path(name).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have what was done to the folder on disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _give_to_owner(number: int, folder: Path) -> None:
    """Let what the superuser writes belong to whose folder it is: the worker must read it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(number, owner.st_uid, owner.st_gid)
