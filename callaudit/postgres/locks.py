"""Advisory locks on files (flock).

The kernel drops such a lock when the last process that inherited the descriptor is gone, however it went:
nothing to clean up after kill -9, and no process number to mistake for another's.
"""

import fcntl
import os
from pathlib import Path


def opened(path: Path) -> int:
    """Open a lock file, making it where needed; the descriptor is not inherited unless passed on."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def exclusive_if_free(descriptor: int) -> bool:
    """Take the lock alone. A shared lock held on the same descriptor is given up, also on failure."""
    return _taken(descriptor, fcntl.LOCK_EX)


def shared_if_free(descriptor: int) -> bool:
    """Take the lock together with others, unless somebody holds it alone."""
    return _taken(descriptor, fcntl.LOCK_SH)


def shared(descriptor: int) -> None:
    """Take the lock together with others; wait for somebody who holds it alone."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
