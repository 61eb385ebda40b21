"""A program that runs schedules as the worker does, and is killed at a point of its choice: see test_scheduler.py.

Arguments: the worker's URL, and before | between | after (delivering the first file, the manifest, all of it) | never.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping

from callaudit import alarms, production, scheduler
from reports import delivery, schedules
from reports.scheduled import Means

DELIVER = delivery.deliver


def killed() -> None:
    """End at once, with nothing cleared away."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, when: str) -> None:
    """Run what is due, once."""

    def deliver(contents: Mapping[str, bytes], destination: str) -> tuple[str, ...]:
        if when == "before":
            killed()
        if when == "between":
            DELIVER(dict(list(contents.items())[:-1]), destination)
            killed()
        addresses = DELIVER(contents, destination)
        if when == "after":
            killed()
        return addresses

    delivery.deliver = deliver
    made = production.Production(url)
    means = Means(production.now, made.pin, made.produce)
    with schedules.connect(url) as connection:
        scheduler.step(connection, means, threading.Event().is_set, alarms.Alarm("unusable", "usable"))


if __name__ == "__main__":
    main(*sys.argv[1:])
