"""The spools in the care of one process: its own, and those it took over from processes that are gone."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from store import spool
from store.errors import SpoolUnavailable
from store.observer import Observer
from store.spool import Contents, Spool, Stretch


class Spools:
    """Makes, adopts, counts and lets go of spools in one directory. Safe to use from several threads."""

    def __init__(self, directory: Path, bytes_max: int, observer: Observer) -> None:
        """Take where spools are, how large one may grow, and who hears that one fails."""
        self.is_up = False
        self._said: str | None = None
        self._directory = directory
        self._bytes_max = bytes_max
        self._observer = observer
        self._own: Spool | None = None
        self._adopted: list[Spool] = []
        self._making = threading.Lock()

    def own(self) -> Spool:
        """Give this process's spool, made on first use. Raises SpoolUnavailable where none can be made."""
        with self._making:
            if self._own is None:
                try:
                    self._own = spool.create(self._directory, self._bytes_max)
                except OSError as error:
                    raise SpoolUnavailable(f"no spool can be made in {self._directory}: {error.strerror}") from error
            return self._own

    def note_alive(self, stretch: Stretch) -> bool:
        """Write down that the process can take webhooks, which shows whether it can; says so where that changes."""
        try:
            self.own().note_alive(stretch)
        except SpoolUnavailable as error:
            self.failed(error)
        else:
            self._said, self.is_up = None, True
        return self.is_up

    def failed(self, error: SpoolUnavailable) -> None:
        """Take note that a spool can be neither read nor written; the observer hears of it once."""
        self.is_up = False
        if str(error) != self._said:
            self._said = str(error)
            self._observer.spool_failed(self._said)

    def adopt(self) -> list[Spool]:
        """Take over what processes that are gone left behind, and give it."""
        found = spool.adopt(self._directory, lambda path, error: self._observer.spool_failed(f"{path}: {error}"))
        self._adopted += found
        return found

    def all(self) -> list[Spool]:
        """Give every spool in care, those of the dead first: theirs are the older entries."""
        return [*self._adopted, *([self._own] if self._own is not None else [])]

    def is_adopted(self, each: Spool) -> bool:
        """Tell whether a spool was another process's."""
        return each in self._adopted

    def let_go(self, each: Spool, *, keep: bool) -> None:
        """Give up an adopted spool; without ``keep`` it is removed."""
        self._adopted.remove(each)
        each.release(keep=keep)

    def report(self) -> Contents:
        """Count all of them together, and let the observer hear of it."""
        found = _counted(self.all())
        rows, aside, size = (sum(getattr(each, name) for each in found) for name in ("rows", "set_aside", "bytes"))
        oldest_us = min((each.oldest_us for each in found if each.oldest_us is not None), default=None)
        total = Contents(rows, aside, size, oldest_us)
        self._observer.spool_holds(total, alarm=aside > 0 or size > spool.ALARM_SHARE * self._bytes_max)
        return total

    def release(self, *, keep_empty: bool) -> None:
        """Let go of all of them; what holds anything stays on disk, and the observer hears of it."""
        for each in self.all():
            try:
                contents = each.contents()
            except SpoolUnavailable:
                each.release(keep=True)
                continue
            if contents.rows:
                self._observer.left_behind(each.path, contents.rows)
            each.release(keep=keep_empty or contents.rows + contents.set_aside > 0)


def _counted(spools: Sequence[Spool]) -> list[Contents]:
    found: list[Contents] = []
    for each in spools:
        with suppress(SpoolUnavailable):
            found.append(each.contents())
    return found
