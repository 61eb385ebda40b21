"""The files of one embedded Postgres, `postgres/` below a home.

data/         PGDATA
run/          the socket, unless its path is too long for an address: then a directory in the system's
              temporary one
users.lock    each process that uses the server shares it; who holds it alone may stop the server
owner.lock    the supervisor holds it, and writes into it who it is and where the socket is
server.lock   every process of the server inherits it: free means that none is left
server.log    what initdb, the server and the supervisor say
"""

import contextlib
import json
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from callaudit.postgres.errors import HomeUnusable, OtherMajor

PORT: int = 5432
"""Only part of the socket's name: the server does not listen on TCP."""

SOCKET_PATH_BYTES_MAX: int = 103
"""What a socket address holds on macOS; Linux would take 107."""

_LOG_BYTES_MAX = 10_000_000
_TAIL_BYTES_MAX = 4_000


@dataclass(frozen=True, slots=True)
class Owner:
    """What the supervisor writes into owner.lock."""

    pid: int
    socket_dir: Path


@dataclass(frozen=True, slots=True)
class Instance:
    """The paths of one instance; `root` is the directory `postgres/`."""

    root: Path

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.root / "data"

    @property
    def users_lock(self) -> Path:
        """Shared by every process that uses the server."""
        return self.root / "users.lock"

    @property
    def owner_lock(self) -> Path:
        """Held by the supervisor."""
        return self.root / "owner.lock"

    @property
    def server_lock(self) -> Path:
        """Held by every process of the server."""
        return self.root / "server.lock"

    @property
    def log(self) -> Path:
        """The log of server and supervisor."""
        return self.root / "server.log"

    def owner(self) -> Owner | None:
        """Say what owner.lock holds: true only while that lock is held, None while nothing is written."""
        try:
            state = json.loads(self.owner_lock.read_bytes())
            return Owner(state["pid"], Path(state["socket_dir"]))
        except (OSError, ValueError):
            return None

    def server_uid(self) -> int | None:
        """Give the user number the server runs as; None while there is no data."""
        return self.data.stat().st_uid if self.data.exists() else None

    def open_log(self) -> BinaryIO:
        """Open the log for writing at its end."""
        return os.fdopen(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")

    def log_end(self) -> int:
        """Give the size of the log, in bytes; a long one is put aside as `server.log.1` first."""
        size = self.log.stat().st_size if self.log.exists() else 0
        if size <= _LOG_BYTES_MAX:
            return size
        self.log.replace(self.log.with_suffix(".log.1"))
        return 0

    def log_tail(self, start: int) -> str:
        """Give the end of what was logged after the byte `start`."""
        with self.log.open("rb") as log:
            log.seek(max(start, log.seek(0, os.SEEK_END) - _TAIL_BYTES_MAX))
            return log.read().decode(errors="replace").strip()

    def check_major(self, major: int) -> None:
        """Raise OtherMajor where the data was not written by this major version."""
        version = self.data / "PG_VERSION"
        written = version.read_text().strip() if version.exists() else str(major)
        if written != str(major):
            raise OtherMajor(
                f"{self.data} was written by Postgres {written}, the binaries here are Postgres {major}: "
                f"install binaries of {written}, or dump it with those and restore it into an empty home."
            )


def prepared(home: Path) -> Instance:
    """Make the directories an instance needs; what exists keeps its permissions.

    Raises HomeUnusable where they cannot be made or belong to another user.
    """
    instance = Instance(home.resolve() / "postgres")
    # As root, the server may have to run as another user, who must be able to pass through.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        instance.root.parent.mkdir(mode, parents=True, exist_ok=True)
        instance.root.mkdir(mode, exist_ok=True)
        owner = instance.root.stat().st_uid
    except OSError as error:
        raise HomeUnusable(f"{instance.root} cannot be used: {error.strerror}.") from error
    if owner != os.geteuid():
        raise HomeUnusable(
            f"{instance.root} belongs to the user number {owner}: run as that user, choose another home, "
            "or set DATABASE_URL."
        )
    return instance


def socket_path(directory: Path) -> Path:
    """Give the path of the server's socket in its directory."""
    return directory / f".s.PGSQL.{PORT}"


def socket_directory(instance: Instance, uid: int | None) -> Path:
    """Make, or find again, a directory of mode 0700 for the socket, owned by the server's user.

    One in the temporary directory is used again after a kill -9, so that none pile up.
    Raises HomeUnusable where even that path is too long.
    """
    owner, own = instance.owner(), instance.root / "run"
    if _is_addressable(own):
        own.mkdir(0o700, exist_ok=True)
        directory = own
    elif owner is not None and owner.socket_dir != own and is_private(owner.socket_dir, uid):
        return owner.socket_dir
    else:
        directory = Path(tempfile.mkdtemp(prefix="callaudit-"))
    if not _is_addressable(directory):
        with contextlib.suppress(OSError):
            directory.rmdir()
        raise HomeUnusable(f"{directory} is too long for a socket's address: set TMPDIR to a shorter path.")
    if uid is not None:
        os.chown(directory, uid, -1)
    directory.chmod(0o700)
    return directory


def is_private(directory: Path, uid: int | None = None) -> bool:
    """Say whether only this user, or `uid`, can enter: nobody else can have put a server there."""
    try:
        found = directory.lstat()
    except OSError:
        return False
    mine = found.st_uid in {os.geteuid(), uid}
    return mine and stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077


def _is_addressable(directory: Path) -> bool:
    """Say whether libpq can name a socket in it: short enough, and no comma (libpq's list separator)."""
    path = os.fsencode(socket_path(directory))
    return len(path) <= SOCKET_PATH_BYTES_MAX and b"," not in path
