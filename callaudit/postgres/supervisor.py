"""The process that owns an embedded Postgres: starts it, starts it again when it dies, stops it when unused.

It belongs to no user of the server, so that API, worker and command line can come and go. It ends when no
process shares users.lock any more, or on SIGTERM. It has one thread: the kernel ties "end with your parent"
to the thread that started the child.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from callaudit.postgres import locks
from callaudit.postgres.errors import StartFailed
from callaudit.postgres.identity import Identity
from callaudit.postgres.instance import Instance
from callaudit.postgres.server import Server

READY: str = "ready"
"""What is reported once the server takes connections; anything else is why it does not."""

USERS_CHECKED_EVERY_S: float = 0.2
"""How long an unused server lives on, after a user was killed."""

_RESTART_EVERY_S = 1.0
_FAST_STOP_S_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a supervisor is started with: how to serve, owner.lock held, and where to report (descriptors)."""

    server: Server
    owner: int
    report_to: int

    def to_json(self) -> str:
        """Give the order as the supervisor's program reads it."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """Read it back."""
        order = json.loads(text)
        how = order["server"]
        found = Server(
            Instance(Path(how["instance"]["root"])),
            Path(how["bindir"]),
            how["major"],
            Path(how["socket_dir"]),
            Identity(tuple(how["identity"]["prefix"]), how["identity"]["uid"], how["identity"]["gid"]),
            how["settings"],
        )
        return cls(found, order["owner"], order["report_to"])


@dataclass(slots=True)
class Supervisor:
    """One run: from taking over the instance until the server is gone."""

    server: Server
    report_to: int
    users: int
    told: socket.socket
    _stop: bool = field(default=False)
    _served: bool = field(default=False)

    def run(self) -> None:
        """Serve until unused or told to stop; report readiness, or the one reason why there is none."""
        try:
            self._make_cluster()
            while not self._stopping():
                self._serve()
        except StartFailed as error:
            sys.stderr.write(f"callaudit: {error.args[0].splitlines()[0]}\n")
            self._report(str(error))

    def _make_cluster(self) -> None:
        if self.server.instance.data.exists():
            return
        log_start, lock = self.server.instance.log_end(), self._lock_server()
        try:
            initdb = self.server.initdb(lock)
        finally:
            os.close(lock)
        if initdb.wait() != 0:
            raise StartFailed(f"initdb failed:\n{self.server.instance.log_tail(log_start)}")
        self.server.adopt()

    def _serve(self) -> None:
        """Run the server once, until it dies or is to be stopped."""
        log_start, started, lock = self.server.instance.log_end(), time.monotonic(), self._lock_server()
        try:
            postgres = self.server.start(lock)
        finally:
            os.close(lock)
        while postgres.poll() is None and not self._stopping() and not self.server.answers():
            self._wait(0.02)
        if postgres.poll() is not None and not self._stopping() and not self._served:
            tail = self.server.instance.log_tail(log_start)
            raise StartFailed(f"Postgres ended before it took connections:\n{tail}")
        if postgres.poll() is None and not self._stopping():
            self._report(READY)
            self._served = True  # from now on its users count on it: one that ends while it recovers is started again
        while postgres.poll() is None and not self._stopping():
            self._wait(USERS_CHECKED_EVERY_S)
        self._stop_server(postgres)
        while not self._stopping() and time.monotonic() < started + _RESTART_EVERY_S:
            self._wait(USERS_CHECKED_EVERY_S)

    def _stop_server(self, postgres: subprocess.Popen[bytes]) -> None:
        """Stop fast; if that takes too long, at once: then the next start recovers, and nothing is lost."""
        if postgres.poll() is not None:
            sys.stderr.write(f"callaudit: postgres ended by itself with {postgres.returncode}\n")
            return
        postgres.send_signal(signal.SIGINT)
        try:
            postgres.wait(_FAST_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            postgres.send_signal(signal.SIGQUIT)
            postgres.wait()

    def _lock_server(self) -> int:
        """Take server.lock: from then on no process of an earlier server is left."""
        lock = locks.opened(self.server.instance.server_lock)
        if not locks.exclusive_if_free(lock):
            sys.stderr.write("callaudit: waiting for the last process of an earlier server to end\n")
        while not locks.exclusive_if_free(lock):
            if self._stopping():
                raise StartFailed("Told to stop while an earlier server was still ending.")
            self.server.interrupt_orphan()
            self._wait(0.05)
        return lock

    def _stopping(self) -> bool:
        self._stop = self._stop or locks.exclusive_if_free(self.users)
        return self._stop

    def _wait(self, seconds: float) -> None:
        """Sleep, or less when a child ended or a signal says stop."""
        if select.select([self.told], [], [], seconds)[0]:
            arrived = set(self.told.recv(64))
            self._stop = self._stop or bool(arrived & {signal.SIGTERM, signal.SIGINT})

    def _report(self, text: str) -> None:
        """Tell whoever started us, once; they may be gone."""
        if self.report_to < 0:
            return
        with contextlib.suppress(BrokenPipeError):
            os.write(self.report_to, text.encode())
        os.close(self.report_to)
        self.report_to = -1


def main() -> None:
    """Read an Order, leave the starter's family, and supervise."""
    order = Order.from_json(sys.stdin.read())
    if os.fork():
        os._exit(0)
    place, socket_dir = order.server.instance, order.server.socket_dir
    os.umask(0o077)
    os.pwrite(order.owner, json.dumps({"pid": os.getpid(), "socket_dir": str(socket_dir)}).encode(), 0)
    with _signals() as told:
        Supervisor(order.server, order.report_to, locks.opened(place.users_lock), told).run()
    if socket_dir.parent != place.root:
        shutil.rmtree(socket_dir, ignore_errors=True)


def _signals() -> socket.socket:
    """Give a socket that gets the number of each signal of interest: nothing is lost between two looks."""
    told, tell = socket.socketpair()
    told.setblocking(False)  # noqa: FBT003 the standard library's signature
    tell.setblocking(False)  # noqa: FBT003
    signal.set_wakeup_fd(tell.detach())

    def note(_number: int, _frame: FrameType | None) -> None:
        """Only the wake-up matters."""

    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return told
