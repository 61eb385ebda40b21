"""What happens on the way into the log, told to whoever wants to count or to say it."""

from pathlib import Path

from store.spool import Contents


class Observer:
    """Hears of it; each method does nothing unless it is overridden. MUST be quick, and is called from any thread."""

    def batch(self, entries: int, seconds: float) -> None:
        """Hear that a batch was committed to the log, and how long that took."""

    def drained(self, entries: int) -> None:
        """Hear that entries went from spools to the log."""

    def spool_holds(self, contents: Contents, *, alarm: bool) -> None:
        """Hear every second what the spools of this process hold together; ``alarm``: it is time to act."""

    def log_away(self, why: str) -> None:
        """Hear that Postgres cannot be reached or does not answer: from now on entries go to the spool."""

    def log_back(self) -> None:
        """Hear that Postgres answers again."""

    def spool_failed(self, why: str) -> None:
        """Hear that a spool can be neither read nor written."""

    def set_aside(self, event_id: str | None, why: str) -> None:
        """Hear of an entry that the log will never take; it stays in the spool."""

    def left_behind(self, path: Path, rows: int) -> None:
        """Hear, at the end, how many rows stay in a spool, to be taken over by the next process."""
