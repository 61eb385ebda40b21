"""Everything in one: the database, its schema, the HTTP server and the worker, as long as this process runs.

Server and worker are processes of their own: one that dies is started again, and does not take the other with it.
"""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

_log: structlog.stdlib.BoundLogger = structlog.get_logger()

RESTART_SECONDS = 1.0
STOP_SECONDS = 15.0


def _nothing() -> None:
    """Leave all as it is."""


@dataclass(slots=True)
class Process:
    """One process that is kept running: ``python -m callaudit <arguments>``; None: in this one's environment.

    ``died`` is called when it did, before it is started again.
    """

    arguments: Sequence[str]
    pass_fds: Sequence[int] = ()
    environment: Mapping[str, str] | None = None
    died: Callable[[], None] = _nothing
    running: subprocess.Popen[bytes] | None = None
    started_at: float = field(default=0.0)

    def start(self) -> None:
        """Start it, or start it again."""
        self.started_at = time.monotonic()
        self.running = subprocess.Popen(
            [sys.executable, "-m", "callaudit", *self.arguments, "--with-parent"],
            stdin=subprocess.PIPE,  # closes with this process, however it ends: see stopping.with_parent
            pass_fds=self.pass_fds,
            env=self.environment,
        )

    def keep_running(self) -> None:
        """Start it again if it died, at most once a second, as often as it takes."""
        if self.running is not None and self.running.poll() is None:
            return
        if time.monotonic() - self.started_at >= RESTART_SECONDS:
            self._bury()
            try:
                self.start()
            except OSError as error:  # no memory or no process number now: the next try may find one
                _log.error("process_not_started", process=self.arguments[0], error=type(error).__name__)

    def _bury(self) -> None:
        """Say once that it died."""
        if self.running is not None:
            with self.running:  # closes our end of its standard input
                _log.error("process_died", process=self.arguments[0], exit_code=self.running.returncode)
            self.running = None
            self.died()

    def stop(self) -> None:
        """Ask it to finish; after a while, end it."""
        if self.running is None:
            return
        with self.running:
            self.running.send_signal(signal.SIGTERM)  # does nothing to one that has ended
            try:
                self.running.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.running.kill()


@contextmanager
def kept_running(processes: Sequence[Process]) -> Generator[None]:
    """Keep the processes running while the block runs, then stop them."""
    stop = threading.Event()
    keeper = threading.Thread(target=_keep, args=(processes, stop), name="keep processes", daemon=True)
    for process in processes:
        process.start()
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()
        for process in processes:
            process.stop()


def _keep(processes: Sequence[Process], stop: threading.Event) -> None:
    while not stop.wait(0.2):
        for process in processes:
            process.keep_running()
