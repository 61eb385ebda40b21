"""A program that runs schedules as the worker does, and is killed at a point of its choice: see test_scheduler.py.

Arguments: the worker's URL, and before | between | after (delivering the first file, the manifest, all of it) | never.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping

from callaudit import alarms, production, scheduler, settings
from reports import destinations, schedules

OPENED = destinations.opened


def killed() -> None:
    """End at once, with nothing cleared away."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, when: str) -> None:
    """Run what is due, once."""

    class Deadly:
        def __init__(self, out: str) -> None:
            self.destination = OPENED(out)

        def write(self, contents: Mapping[str, bytes], *, create_only: bool) -> tuple[str, ...]:
            if when == "before":
                killed()
            if when == "between":
                self.destination.write(dict(list(contents.items())[:-1]), create_only=create_only)
                killed()
            addresses = self.destination.write(contents, create_only=create_only)
            if when == "after":
                killed()
            return addresses

    destinations.opened = Deadly
    means = production.means(url, settings.load())
    with schedules.connect(url) as connection:
        scheduler.step(connection, means, threading.Event().is_set, alarms.Alarm("unusable", "usable"))


if __name__ == "__main__":
    main(*sys.argv[1:])
