"""Each row of the log by itself: that it is there, claims what was hashed, came from Telnyx, and has its key.

Rows come tile by tile, in order; each check goes over a whole tile, which keeps a million rows a matter of seconds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from store import rows, system, telnyx_keys
from store.findings import Findings
from store.provenance import SIGNED, Provenance
from store.rows import Key, Row

_OWN_TYPES = frozenset(each.encode() for each in system.TYPES)
_SYSTEM = system.SOURCE.encode()
_KEY_TRUSTED = system.KEY_TRUSTED.encode()
_CONTINUED = system.CONTINUED.encode()
_OUTAGE = system.OUTAGE.encode()


@dataclass(slots=True)
class RowAudit:
    """Checks rows against what they claim. ``provenance`` None leaves signatures out, ``data_hash_of`` data hashes.

    Rows begin with position ``since``; ``began_us`` is when the first was received. ``continued`` has the events by
    which the log's key was changed, for whoever checks checkpoints; ``outages`` counts those of time in which nobody
    could take webhooks.
    """

    findings: Findings
    since: int
    keys: Iterator[Key]
    provenance: Provenance | None
    data_hash_of: Callable[[bytes], bytes] | None
    events: int = 0
    outages: int = 0
    began_us: int | None = None
    continued: list[Row] = field(default_factory=list[Row])
    _next_key: Key | None = None
    _next_position: int = 0

    def __post_init__(self) -> None:
        """Look at the first key."""
        self._next_position = self.since
        self._next_key = next(self.keys, None)

    def look(self, batch: Sequence[Row]) -> None:
        """Check some rows, which follow on those checked before."""
        self.events += len(batch)
        if self.began_us is None:
            self.began_us = batch[0].received_us
        self._positions(batch)
        self._leaf_hashes(batch)
        self._system_events(batch)
        self._signatures(batch)
        self._data_hashes(batch)
        self._keys(batch)

    def hear(self, earlier: Sequence[Row]) -> None:
        """Take in system events from before ``since``, which name keys; they must be what was hashed too."""
        self._leaf_hashes(earlier)
        self._system_events(earlier)
        self.outages = 0

    def finish(self, read: Callable[[list[int]], Iterable[Row]]) -> None:
        """Check what had to wait; ``read`` gives rows by position."""
        while self._next_key is not None:
            self._lone_key(self._next_key)
            self._next_key = next(self.keys, None)
        if self.provenance is not None:
            self.provenance.settle(read)

    def _positions(self, batch: Sequence[Row]) -> None:
        for row in batch:
            if row.position != self._next_position:
                last = row.position - 1
                which = f"position {last} is" if last == self._next_position else f"positions up to {last} are"
                self.findings.add("position_missing", self._next_position, f"{which} missing")
            self._next_position = row.position + 1

    def _leaf_hashes(self, batch: Sequence[Row]) -> None:
        for row in batch:
            if rows.leaf_hash_of(row) != row.leaf_hash:
                self.findings.add("leaf_hash_wrong", row.position, "its leaf hash is not that of what the row says")

    def _system_events(self, batch: Sequence[Row]) -> None:
        for row in batch:
            if row.source != _SYSTEM:
                continue
            if row.event_type == _CONTINUED:
                self.continued.append(row)
            elif row.event_type == _KEY_TRUSTED:
                self._trusted(row)
            elif row.event_type == _OUTAGE:
                self.outages += 1

    def _trusted(self, row: Row) -> None:
        try:
            key = telnyx_keys.named_by(row.body)
        except telnyx_keys.KeyEventWrong as error:
            self.findings.add("key_event_wrong", row.position, f"this key.trusted event cannot be used: {error}")
            return
        if self.provenance is not None:
            self.provenance.learn(key)

    def _signatures(self, batch: Sequence[Row]) -> None:
        if self.provenance is not None:
            for row in batch:
                if row.source in SIGNED:
                    self.provenance.look(row)
                elif row.source != _SYSTEM or row.event_type not in _OWN_TYPES:
                    said = "it is neither signed nor one that the program itself writes"
                    self.findings.add("signature_missing", row.position, said)

    def _data_hashes(self, batch: Sequence[Row]) -> None:
        data_hash_of = self.data_hash_of
        if data_hash_of is not None:
            for row in batch:
                if data_hash_of(row.body) != row.data_hash:
                    self.findings.add("data_hash_wrong", row.position, "its data hash is not that of its body")

    def _keys(self, batch: Sequence[Row]) -> None:
        expected = [rows.key_of(row) for row in batch]
        found = self._keys_upto(batch[-1].position)
        if found == expected:
            return
        by_position: dict[int, list[Key]] = {}
        for key in found:
            by_position.setdefault(key[0], []).append(key)
        for key in expected:
            self._compare_keys(key, by_position.pop(key[0], []))
        for lone in by_position.values():
            self._lone_key(lone[0])

    def _keys_upto(self, position: int) -> list[Key]:
        found: list[Key] = []
        while self._next_key is not None and self._next_key[0] <= position:
            found.append(self._next_key)
            self._next_key = next(self.keys, None)
        return found

    def _compare_keys(self, expected: Key, found: Sequence[Key]) -> None:
        position = expected[0]
        if not found:
            self.findings.add("event_key_missing", position, "log.event_keys has no key for it")
        elif list(found) != [expected]:
            self.findings.add("event_key_wrong", position, "log.event_keys has another key for it, or a second one")

    def _lone_key(self, key: Key) -> None:
        self.findings.add("position_missing", key[0], "log.event_keys has a key for it, and there is no such row")
