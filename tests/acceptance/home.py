"""The program with a home and an embedded Postgres of its own, and which processes of it there are.

Every process of such a program has the home's path in its command line or its environment, but for the one that
looks after Postgres: that one has Postgres as its child.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from tests.acceptance import server

PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
PROC = Path("/proc")


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Give what a child needs that brings its own database; ``settings`` are all that it is told."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**passed_on, "PYTHONPATH": str(server.REPOSITORY), "CALLAUDIT_HOME": str(home), **settings}


def family(home: Path) -> dict[int, str]:
    """Give the living processes of a home, by number, each with its command."""
    living = {pid: found for place in PROC.glob("[0-9]*") if (found := _look(pid := int(place.name))) is not None}
    ours = {pid for pid, found in living.items() if found.names(home) and pid != os.getpid()}
    supervisors = {living[pid].parent for pid in ours if f"{home}/postgres/data" in living[pid].words}
    return {pid: living[pid].words for pid in ours | (supervisors & living.keys() - {1, os.getpid()})}


def of(home: Path, command: str) -> int:
    """Give the number of the one process of a home that runs this command of ours."""
    (pid,) = (pid for pid, words in family(home).items() if f" callaudit {command}" in words)
    return pid


def end(home: Path) -> None:
    """Kill what a failed test left of a home; after one that is well nothing is left."""
    for pid in family(home):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def until(condition: Callable[[], object]) -> None:
    """Wait for what another process does; there is no signal of it."""
    ends_at = monotonic() + server.DEADLINE_SECONDS
    while not condition():
        assert monotonic() < ends_at
        sleep(0.02)


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    words: str
    given: bytes

    def names(self, home: Path) -> bool:
        return str(home) in self.words or b"CALLAUDIT_HOME=" + os.fsencode(home) in self.given


def _look(pid: int) -> _Process | None:
    """Look at a process; None: it has ended."""
    place = PROC / str(pid)
    try:
        state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
        words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return None if state == "Z" else _Process(int(parent), words, (place / "environ").read_bytes())
    except OSError:
        return None
