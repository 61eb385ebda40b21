"""A share of the processor for work that strangers can cause: measured as it is done, and what is over it is left."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Budget:
    """So many seconds of work a second, one second's worth saved up at most. For one thread at a time.

    A piece is begun while anything is left, and measured; what it takes beyond that is owed, and paid first.
    """

    def __init__(
        self,
        share: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        """Take the share (0 to 1), a clock, and one that runs while this thread works."""
        self._share = share
        self._clock = clock
        self._worked = worked
        self._left = share
        self._since = clock()

    def run(self, work: Callable[[], Result]) -> Result | None:
        """Do the work and give its result, or None at once where nothing is left for it."""
        now = self._clock()
        self._left = min(self._share, self._left + (now - self._since) * self._share)
        self._since = now
        if self._left <= 0:
            return None
        began = self._worked()
        try:
            return work()
        finally:
            self._left -= self._worked() - began
