"""The spools in the care of one process: its own, and those it took over from processes that are gone."""

import threading
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from store import spool
from store.errors import SpoolUnavailable
from store.observer import Observer
from store.spool import Contents, Spool, Stretch

NOTHING = Contents(0, 0, 0, None)


class Spools:
    """Makes, adopts, counts and lets go of spools in one directory. Safe to use from several threads.

    ``is_up``: this process's own spool could be written when it was last tried.
    """

    def __init__(self, directory: Path, process: UUID, bytes_max: int, observer: Observer) -> None:
        """Take where spools are, whose this one is, how large it may grow, and who hears that one fails."""
        self.is_up = False
        self._directory = directory
        self._process = process
        self._bytes_max = bytes_max
        self._observer = observer
        self._own: Spool | None = None
        self._adopted: list[Spool] = []
        self._known: dict[Path, Contents] = {}
        self._failing: dict[Path, str] = {}
        self._making = threading.Lock()

    def own(self) -> Spool:
        """Give this process's spool, made on first use. Raises SpoolUnavailable where none can be made."""
        with self._making:
            if self._own is None:
                try:
                    self._own = spool.create(self._directory, self._process, self._bytes_max)
                except OSError as error:
                    raise SpoolUnavailable(f"no spool can be made in {self._directory}: {error.strerror}") from error
            return self._own

    def note_alive(self, stretch: Stretch) -> bool:
        """Write down that the process can take webhooks, which shows whether its spool can."""
        try:
            self.own().note_alive(stretch)
        except SpoolUnavailable as error:
            self.failed(self._directory, error)
            self.is_up = False
        else:
            self._failing.pop(self._directory, None)
            self.is_up = True
        return self.is_up

    def adopt(self) -> None:
        """Take over what processes that are gone left behind."""
        self._adopted += spool.adopt(self._directory, self.failed)

    def failed(self, path: Path, error: Exception) -> None:
        """Take note that a spool can be neither read nor written; the observer hears of it once."""
        if self._failing.get(path) != str(error):
            self._failing[path] = str(error)
            self._observer.spool_failed(f"{path}: {error}")

    @property
    def adopted(self) -> Sequence[Spool]:
        """The spools of the dead."""
        return tuple(self._adopted)

    def all(self) -> Sequence[Spool]:
        """Give every spool in care, those of the dead first: theirs are the older entries."""
        return [*self._adopted, *([self._own] if self._own is not None else [])]

    def contents(self, each: Spool | None) -> Contents:
        """Count one. One that cannot be read holds what it held: it must not look empty."""
        if each is None:
            return NOTHING
        try:
            self._known[each.path] = each.contents()
        except SpoolUnavailable as error:
            self.failed(each.path, error)
        else:
            self._failing.pop(each.path, None)
        return self._known.get(each.path, NOTHING)

    def own_contents(self) -> Contents:
        """Count this process's own."""
        return self.contents(self._own)

    def holds_nothing(self) -> bool:
        """Tell whether this process's own spool is surely empty."""
        return not self.own_contents().rows and (self._own is None or self._own.path not in self._failing)

    def report(self) -> None:
        """Let the observer hear what all of them hold together."""
        found = [self.contents(each) for each in self.all()]
        rows, aside, size = (sum(getattr(each, name) for each in found) for name in ("rows", "set_aside", "bytes"))
        oldest_us = min((each.oldest_us for each in found if each.oldest_us is not None), default=None)
        total = Contents(rows, aside, size, oldest_us)
        self._observer.spool_holds(total, alarm=aside > 0 or size > spool.ALARM_SHARE * self._bytes_max)

    def let_go(self, each: Spool) -> None:
        """Give up an adopted spool in which nothing waits; what was set aside stays under another name."""
        self._adopted.remove(each)
        self._leave(each, keep_empty=False)

    def release(self, *, keep_empty: bool) -> None:
        """Let go of all of them; what holds anything stays on disk, and the observer hears of it."""
        for each in self.all():
            self._leave(each, keep_empty=keep_empty)

    def _leave(self, each: Spool, *, keep_empty: bool) -> None:
        contents = self.contents(each)
        if contents.rows:
            self._observer.left_behind(each.path, contents.rows)
        if contents.rows or keep_empty or each.path in self._failing:
            each.release(keep=True)
        elif contents.set_aside:
            each.put_aside()
        else:
            each.release(keep=False)
