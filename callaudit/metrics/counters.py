"""What a server process counts as it goes. Names and labels are fixed: nothing that a stranger sends becomes one."""

import os
from collections import OrderedDict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

from callaudit import refusals
from callaudit.metrics.directory import Place
from gateway import record
from ingest import errors
from store.entry import Entry
from store.spool import Contents

OTHER = "other"
"""A reason that is not on the list: counted all the same."""

BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.8, 2.5, 6.0)
"""0.8 s is where the spool takes over."""

IDS_KNOWN_MAX = 20_000
"""Event ids that a process remembers, about 4 MB: the last minutes of a busy one, hours of most."""


class Counters:
    """The metrics of one process; each method is one thing that happened. Safe to call from any thread."""

    def __init__(self, place: Place | None) -> None:
        """Count in a place shared with other processes, or (None) for this process alone."""
        self.place = place
        self.registry = CollectorRegistry()
        if place is None:
            values.ValueClass = values.MutexValue
        else:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(place.directory)  # where the library looks, as it documents
            values.ValueClass = values.MultiProcessValue(lambda: place.number)  # pyright: ignore[reportUnknownMemberType]
        registry = self.registry

        def counter(name: str, meaning: str) -> Counter:
            return Counter(f"callaudit_{name}", meaning, registry=registry)

        self._received = counter("webhooks_received", "Requests to the webhook endpoint, good or not")
        self._appended = counter("webhooks_appended", "Events that a request brought into the log")
        self._redelivered = counter("webhooks_redelivered", "Requests that brought an event that the log had")
        self._spooled = counter(
            "webhooks_spooled", "Webhooks kept in the spool because the log did not take them in time"
        )
        self._drained = counter("webhooks_drained", "Entries moved from the spool into the log")
        self._conflicts = counter(
            "id_conflicts", f"Events with the id of another among the last {IDS_KNOWN_MAX} of this process"
        )
        self._rejected = Counter(
            "callaudit_rejected", "Requests answered with a refusal, by reason", ["reason"], registry=registry
        )
        for reason in (*errors.REASONS, OTHER):
            self._rejected.labels(reason)
        self._refused = Counter(
            "callaudit_connections_refused",
            "Requests refused before anything of theirs was looked at, by reason",
            ["reason"],
            registry=registry,
        )
        for reason in refusals.REASONS:
            self._refused.labels(reason)
        self._commands = Counter(
            "callaudit_commands", "States of commands that the gateway put on record", ["state"], registry=registry
        )
        for event_type in record.SAID_AT_ONCE:
            self._commands.labels(event_type.removeprefix("command."))
        self._batch_entries = Histogram(
            "callaudit_batch_entries", "Entries in one commit", buckets=BATCH_BUCKETS, registry=registry
        )
        self._commit_seconds = Histogram(
            "callaudit_commit_seconds", "How long one commit took", buckets=SECONDS_BUCKETS, registry=registry
        )
        self._spool_rows = self._gauge("spool_rows", "Entries that wait in the spool", "livesum")
        self._spool_set_aside = self._gauge("spool_set_aside", "Entries that the log will never take", "livesum")
        self._spool_bytes = self._gauge("spool_bytes", "Bytes of the spool on disk", "livesum")
        self._spool_alarm = self._gauge(
            "spool_alarm", "1: the spool fills up, or holds what the log refuses", "livemax"
        )
        self._ids: OrderedDict[str, bytes] = OrderedDict()

    def received(self) -> None:
        """Count a request to the webhook endpoint."""
        self._received.inc()

    def rejected(self, reason: str) -> None:
        """Count a refusal."""
        self._rejected.labels(reason if reason in errors.REASONS else OTHER).inc()

    def connection_refused(self, reason: str) -> None:
        """Count a request, or what is none, that was refused for its connection's sake."""
        self._refused.labels(reason).inc()

    def appended(self, entry: Entry) -> None:
        """Count a new event in the log; and a conflict, where another of its id is remembered."""
        self._appended.inc()
        if entry.event_id is None:
            return
        if self._ids.get(entry.event_id, entry.data_hash) != entry.data_hash:
            self._conflicts.inc()
        self._ids[entry.event_id] = entry.data_hash
        if len(self._ids) > IDS_KNOWN_MAX:
            self._ids.popitem(last=False)

    def commanded(self, entry: Entry) -> None:
        """Count a state that a command came to."""
        if entry.event_type in record.SAID_AT_ONCE:
            self._commands.labels(entry.event_type.removeprefix("command.")).inc()

    def redelivered(self) -> None:
        """Count a known event that was delivered again."""
        self._redelivered.inc()

    def spooled(self) -> None:
        """Count a webhook that went to the spool."""
        self._spooled.inc()

    def drained(self, entries: int) -> None:
        """Count entries that went from the spool into the log."""
        self._drained.inc(entries)

    def batch(self, entries: int, seconds: float) -> None:
        """Count a commit of so many entries, which took so many seconds."""
        self._batch_entries.observe(entries)
        self._commit_seconds.observe(seconds)

    def spool_holds(self, contents: Contents, *, alarm: bool) -> None:
        """Note what the spools hold now; ``alarm``: it is time to act."""
        self._spool_rows.set(contents.rows)
        self._spool_set_aside.set(contents.set_aside)
        self._spool_bytes.set(contents.bytes)
        self._spool_alarm.set(alarm)

    def _gauge(self, name: str, meaning: str, mode: str) -> Gauge:
        gauge = Gauge(f"callaudit_{name}", meaning, registry=self.registry, multiprocess_mode=mode)  # pyright: ignore[reportArgumentType]
        gauge.set(0)  # in a place that was another's, its value would stand
        return gauge
