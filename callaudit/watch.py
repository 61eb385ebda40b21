"""What an operator hears of the way into the log: figures of all, and a line when it changes, not one a webhook."""

from pathlib import Path

import structlog

from callaudit.metrics.counters import Counters
from store.observer import Observer
from store.spool import Contents

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Watch(Observer):
    """Counts what happens, and writes the changes to the log of the process."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._alarm = False

    def batch(self, entries: int, seconds: float) -> None:
        """Count a commit."""
        self._counters.batch(entries, seconds)

    def drained(self, entries: int) -> None:
        """Count what came out of it."""
        self._counters.drained(entries)

    def log_away(self, why: str) -> None:
        """Say that entries go to the spool from now on."""
        _log.warning("log_away", error=why)

    def log_back(self) -> None:
        """Say that they go to the log again."""
        _log.info("log_back")

    def spool_holds(self, contents: Contents, *, alarm: bool) -> None:
        """Say when a spool begins to need somebody, and when it no longer does."""
        self._counters.spool_holds(contents, alarm=alarm)
        if alarm != self._alarm:
            self._alarm = alarm
            say = _log.error if alarm else _log.info
            say("spool_alarm", on=alarm, rows=contents.rows, set_aside=contents.set_aside, bytes=contents.bytes)

    def spool_failed(self, why: str) -> None:
        """Say that a spool can be neither read nor written."""
        _log.error("spool_failed", error=why)

    def set_aside(self, event_id: str | None, why: str) -> None:
        """Say that an entry waits for somebody."""
        _log.error("spool_row_set_aside", event_id=event_id, error=why)

    def left_behind(self, path: Path, rows: int) -> None:
        """Say what stays for the next process."""
        _log.warning("spool_left", path=str(path), rows=rows)
