"""The webhook endpoint's neighbours, counted: the log behind it, and who hears of refusals."""

from callaudit.metrics.counters import Counters
from ingest import errors, webhook
from store.entry import Entry, Kept, Spooled


class Log:
    """Counts where webhooks go, on the way to a log."""

    def __init__(self, log: webhook.Log, counters: Counters) -> None:
        self._log = log
        self._counters = counters

    async def put(self, entry: Entry) -> Kept | Spooled:
        """Keep the entry there."""
        where = await self._log.put(entry)
        if isinstance(where, Spooled):
            self._counters.spooled()
        elif where.redelivered:
            self._counters.redelivered()
        else:
            self._counters.appended(entry)
        return where


class Commands:
    """Counts what the gateway puts on record, on the way to a log."""

    def __init__(self, log: webhook.Log, counters: Counters) -> None:
        self._log = log
        self._counters = counters

    async def put(self, entry: Entry) -> Kept | Spooled:
        """Keep the entry there."""
        where = await self._log.put(entry)
        self._counters.commanded(entry)
        return where


class Door:
    """Counts refusals, then tells them to another."""

    def __init__(self, door: webhook.Door, counters: Counters) -> None:
        self._door = door
        self._counters = counters

    def refused(self, refusal: errors.Refused, request: webhook.Request, body: bytes) -> None:
        """Count it by its reason."""
        self._counters.rejected(refusal.reason)
        self._door.refused(refusal, request, body)
