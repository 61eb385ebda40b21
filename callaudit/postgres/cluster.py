"""Use an embedded Postgres: join the one that runs for a home, or have one started.

A server lives as long as one process uses it. The last to leave stops it and waits for that; if it was killed
instead, the supervisor notices and stops it.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from callaudit.postgres import binaries, identity, instance, locks, server, supervisor
from callaudit.postgres.errors import HomeUnusable, StartFailed
from callaudit.postgres.instance import Instance
from callaudit.postgres.server import Server

_LOOK_AGAIN_S = 0.02
_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_for_life = contextlib.ExitStack()
atexit.register(_for_life.close)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that takes connections on the socket in `socket_dir`."""

    socket_dir: Path
    data: Path
    log: Path
    started: bool
    """Whether this use had it started (False: it was running already)."""

    def url(self, user: str = server.SUPERUSER, dbname: str = "postgres") -> str:
        """Give the URL (libpq's form, a conninfo for psycopg) to connect as a role to a database."""
        host = quote(os.fsencode(self.socket_dir), safe="")
        return f"postgresql://{quote(user, safe='')}@/{quote(dbname, safe='')}?host={host}&port={instance.PORT}"


@contextlib.contextmanager
def embedded(
    home: Path, *, bindir: Path | None = None, settings: Mapping[str, str] | None = None
) -> Generator[Running]:
    """Use the Postgres of `home` inside the block; after it, the last user to leave has stopped the server.

    Each process that uses the server needs a block of its own: the URL alone does not keep it running.
    `bindir` names the binaries, else they are searched; `settings` go over server.SETTINGS. Both matter only
    to the use that starts the server. A start waits as long as recovery takes.
    Raises an EmbeddedPostgresError.
    """
    place = instance.prepared(home)
    user, users = os.getpid(), _entered(place)
    try:
        yield _running(place, bindir, dict(settings or {}))
    finally:
        if os.getpid() == user:  # a fork shares the lock, and must not give it up for both
            _leave(place, users)
        os.close(users)


def ensure(home: Path, *, bindir: Path | None = None, settings: Mapping[str, str] | None = None) -> Running:
    """Use the Postgres of `home` until this process ends; like `embedded` else."""
    return _for_life.enter_context(embedded(home, bindir=bindir, settings=settings))


def _entered(place: Instance) -> int:
    """Become a user, after whoever is stopping the server just now."""
    try:
        users = locks.opened(place.users_lock)
        locks.shared(users)
    except OSError as error:
        raise HomeUnusable(f"{place.users_lock} cannot be locked: {error.strerror}.") from error
    return users


def _running(place: Instance, bindir: Path | None, settings: Mapping[str, str]) -> Running:
    """Start a server where nobody owns the instance; else wait until the owner's takes connections."""
    while True:
        owner = locks.opened(place.owner_lock)
        try:
            if locks.exclusive_if_free(owner):
                return _started(place, owner, bindir, settings)
        except OSError as error:
            raise StartFailed(f"Postgres could not be started in {place.root}: {error}.") from error
        finally:
            os.close(owner)
        if (found := _joined(place)) is not None:
            return found
        time.sleep(_LOOK_AGAIN_S)


def _joined(place: Instance) -> Running | None:
    """Give the server that the instance's owner runs, if it takes connections already."""
    owner = place.owner()
    if owner is None or not instance.is_private(owner.socket_dir, place.server_uid()):
        return None
    answers = server.answers(place.data, owner.socket_dir)
    return Running(owner.socket_dir, place.data, place.log, started=False) if answers else None


def _started(place: Instance, owner: int, bindir: Path | None, settings: Mapping[str, str]) -> Running:
    """Hand the instance to a new supervisor, with the lock `owner`, and wait for its report."""
    found = binaries.find(bindir)
    place.check_major(found.major)
    who = identity.choose(found, place.root, place.server_uid())
    socket_dir = instance.socket_directory(place, who.uid)
    how = Server(place, found.bindir, found.major, socket_dir, who, settings)
    log_start = place.log_end()
    report = _supervised(how, owner)
    if report == supervisor.READY:
        return Running(socket_dir, place.data, place.log, started=True)
    raise StartFailed(report or f"The supervisor of Postgres ended early:\n{place.log_tail(log_start)}")


def _supervised(how: Server, owner: int) -> str:
    """Start a supervisor and give its report; empty when it ended without one."""
    os.ftruncate(owner, 0)
    reading, writing = os.pipe()
    with os.fdopen(reading) as report:
        try:
            _spawn(supervisor.Order(how, owner, writing))
        finally:
            os.close(writing)
        return report.read()


def _spawn(order: supervisor.Order) -> None:
    """Run the supervisor's program, which leaves us at once.

    It gets only what it needs of our environment (which holds keys), and our module path.
    """
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    modules = [str(Path(__file__).parents[2]), *filter(os.path.isabs, sys.path)]
    with order.server.instance.open_log() as log:
        subprocess.run(
            [sys.executable, "-P", "-m", "callaudit.postgres"],
            input=order.to_json().encode(),
            env={**environment, "PYTHONPATH": os.pathsep.join(modules)},
            stdout=log,
            stderr=log,
            cwd="/",
            pass_fds=(order.owner, order.report_to),
            start_new_session=True,
            check=False,
        )


def _leave(place: Instance, users: int) -> None:
    """Give up the shared lock; as the last to hold it, first stop the server."""
    while not locks.exclusive_if_free(users):
        if locks.shared_if_free(users):
            return  # others use it
        locks.shared(users)  # somebody else is stopping it: wait for that
    owner = locks.opened(place.owner_lock)
    while not locks.exclusive_if_free(owner):
        # Nobody can become a user now, hence no owner: the number is the supervisor's, once written.
        if (supervising := place.owner()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervising.pid, signal.SIGTERM)
        time.sleep(_LOOK_AGAIN_S)
    os.close(owner)
