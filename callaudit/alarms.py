"""What an operator has to hear: when it begins, again every minute, and when it is over; not each time it is met."""

import time

import structlog

_log: structlog.stdlib.BoundLogger = structlog.get_logger()

SAY_AGAIN_SECONDS = 60.0


class Alarm:
    """One kind of trouble. ``reason`` is what is wrong now, or None."""

    def __init__(self, begins: str, ends: str) -> None:
        """Take the names of the log lines that say that it begins and ends."""
        self.reason: str | None = None
        self._begins = begins
        self._ends = ends
        self._said_at = 0.0

    def on(self, reason: str, detail: str) -> None:
        """Say what is wrong, unless it was said just now."""
        if reason != self.reason or time.monotonic() >= self._said_at + SAY_AGAIN_SECONDS:
            _log.error(self._begins, reason=reason, detail=detail)
            self._said_at = time.monotonic()
        self.reason = reason

    def off(self) -> None:
        """Say that it is over, if it was on."""
        if self.reason is not None:
            _log.info(self._ends, after=self.reason)
            self.reason = None
