"""The server's processes: initdb, postgres, whether it answers, and what an earlier one left behind.

Used by the supervisor alone, except the function `answers`. Everything started here ends with the supervisor
(Linux tells it so), and holds server.lock as long as any of its processes lives.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from callaudit.postgres import instance
from callaudit.postgres.errors import StartFailed
from callaudit.postgres.identity import Identity
from callaudit.postgres.instance import Instance

SUPERUSER: str = "callaudit"
"""The bootstrap superuser; whoever can enter the socket's directory may be any role."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",  # the socket only
    "unix_socket_permissions": "0700",
    "fsync": "on",  # said on the command line, so that no file in PGDATA can weaken it
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "wal_compression": "on",
    "log_min_error_statement": "panic",  # statements and row details can hold what callers said
    "log_error_verbosity": "terse",
}
"""Postgres settings of an embedded server; a caller's own win."""

_PROC = Path("/proc/self")  # absent on macOS
_PR_SET_PDEATHSIG = 1
_ANSWER_S_MAX = 5.0
_CANNOT_CONNECT_NOW = b"C57P03\0"


@dataclass(frozen=True, slots=True)
class Server:
    """How to start the server of one instance."""

    instance: Instance
    bindir: Path
    major: int
    socket_dir: Path
    identity: Identity
    settings: Mapping[str, str]

    def initdb(self, lock: int) -> subprocess.Popen[bytes]:
        """Start making the cluster beside its place, so that half of one is never taken for it."""
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir(0o700)
        if self.identity.uid is not None and self.identity.gid is not None:
            os.chown(self._unfinished, self.identity.uid, self.identity.gid)
        return self._spawn("initdb", *_initdb_options(self.major), "-D", str(self._unfinished), lock=lock)

    def adopt(self) -> None:
        """Put the finished cluster in its place, durably."""
        self._unfinished.rename(self.instance.data)
        directory = os.open(self.instance.root, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)

    def start(self, lock: int) -> subprocess.Popen[bytes]:
        """Start postgres; the caller holds server.lock, so what an earlier server of ours left is stale.

        Raises StartFailed where somebody else started one on this data.
        """
        _clear_stale(self.instance.data)
        path = instance.socket_path(self.socket_dir)
        path.unlink(missing_ok=True)
        path.with_name(path.name + ".lock").unlink(missing_ok=True)
        quoted = '"' + str(self.socket_dir).replace('"', '""') + '"'
        settings = {
            **SETTINGS,
            **self.settings,
            "unix_socket_directories": quoted,
            "port": str(instance.PORT),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._spawn("postgres", "-D", str(self.instance.data), *options, lock=lock)

    def interrupt_orphan(self) -> None:
        """Tell a server that outlived its supervisor to stop (fast)."""
        pid = _postmaster(self.instance.data)
        if pid is not None and _serves(pid, self.instance.data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)

    def answers(self) -> bool:
        """Say whether the server takes connections."""
        return answers(self.instance.data, self.socket_dir)

    @property
    def _unfinished(self) -> Path:
        return self.instance.root / "data.unfinished"

    def _spawn(self, program: str, *options: str, lock: int) -> subprocess.Popen[bytes]:
        with self.instance.open_log() as log:
            return subprocess.Popen(
                [*self.identity.prefix, str(self.bindir / program), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                pass_fds=(lock,),
                user=self.identity.uid,
                group=self.identity.gid,
                extra_groups=None if self.identity.uid is None else [],
                preexec_fn=_end_with_parent(),  # noqa: PLW1509 the supervisor has one thread
            )


def answers(data: Path, socket_dir: Path) -> bool:
    """Open a session and end it: True when the server takes connections, even if all are in use.

    Not tried before the server's own status says so: each refusal is a line in its log, recovery can be long.
    """
    if _status(data) != "ready":
        return False
    names = b"".join(part.encode() + b"\0" for part in ("user", SUPERUSER, "database", "postgres"))
    startup = struct.pack("!ii", len(names) + 9, 3 << 16) + names + b"\0"
    terminate = b"X" + struct.pack("!i", 4)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ANSWER_S_MAX)
        try:
            connection.connect(os.fsencode(instance.socket_path(socket_dir)))
            connection.sendall(startup + terminate)
            answer = connection.makefile("rb").read()
        except OSError:
            return False
    return bool(answer) and _CANNOT_CONNECT_NOW not in answer


def _initdb_options(major: int) -> list[str]:
    provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= 17 else []
    locale = "C" if sys.platform == "darwin" else "C.UTF-8"
    trust = ["--auth-local=trust", "--auth-host=reject"]
    return [
        f"--username={SUPERUSER}",
        "--encoding=UTF8",
        f"--locale={locale}",
        *provider,
        *trust,
        "--data-checksums",
        "--no-instructions",
    ]


def _end_with_parent() -> Callable[[], None] | None:
    """Give what the child runs before its program, so that it stops when its parent is killed."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def _clear_stale(data: Path) -> None:
    """Remove a postmaster.pid whose process is a zombie, or by now another program.

    Postgres itself sees through a dead process only. It still checks that nobody has its shared memory.
    """
    pid = _postmaster(data)
    if pid is None or not _PROC.exists():
        return
    if _serves(pid, data):
        raise StartFailed(f"A Postgres that callaudit did not start (process {pid}) uses {data}: stop it first.")
    _pid_file(data).unlink(missing_ok=True)


def _pid_file(data: Path) -> Path:
    return data / "postmaster.pid"


def _postmaster(data: Path) -> int | None:
    try:
        return int(_pid_file(data).read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _status(data: Path) -> str:
    """Give the last line of postmaster.pid: starting, ready or stopping; empty where there is none."""
    try:
        return "".join(_pid_file(data).read_text().splitlines()[7:8]).strip()
    except (OSError, ValueError):
        return ""


def _serves(pid: int, data: Path) -> bool:
    """Say whether the process is a living postgres in this PGDATA (a zombie has no working directory).

    Where there is no /proc the pid file is believed.
    """
    process = _PROC.with_name(str(pid))
    if not _PROC.exists():
        return True
    try:
        named = (process / "comm").read_text().startswith("postgres")
        return named and (process / "cwd").samefile(data)
    except OSError:
        return False
