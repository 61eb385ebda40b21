"""That Telnyx sent it: each webhook's signature, over the exact bytes it was made for.

What was masked cannot be checked in the row itself. Where only URLs were masked, the exact bytes are sealed beside and
are opened if the key is at hand; where something guessable was, nothing of the original is kept, by design.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from store import telnyx_keys
from store.findings import Findings
from store.rows import Row
from store.telnyx_keys import TelnyxKey

WEBHOOK = telnyx_keys.WEBHOOK.encode()
SIGNED = frozenset(each.encode() for each in telnyx_keys.USES)
"""Sources whose rows are signed, each by keys of its own."""

STAR = b"*"

_CHUNK_ROWS = 4_096

Open = Callable[[bytes], bytes | None]
"""Opens sealed bytes; None for what does not open with its key."""

_STARS = re.compile(rb'"?\*+"?')


@dataclass(slots=True)
class Counts:
    """Webhooks by what is known of their signature; ``sealed`` and ``not_retained`` cannot be checked here."""

    verified: int = 0
    sealed: int = 0
    not_retained: int = 0


@dataclass(slots=True)
class Provenance:
    """Checks signatures as rows come by. ``keys`` has what is known of Telnyx's keys, by key_id.

    ``log_may_name_keys``: the log's own word is taken for keys that nobody gave.
    """

    keys: dict[str, TelnyxKey]
    findings: Findings
    open_sealed: Open | None = None
    log_may_name_keys: bool = True
    counts: Counts = field(default_factory=Counts)
    waiting: dict[bytes, list[int]] = field(default_factory=dict[bytes, list[int]])
    """Positions by a key_id that is not known yet: its event may stand behind them."""

    def learn(self, key: TelnyxKey) -> None:
        """Take the log's word for a key, unless somebody else's is known; for the gateway's there is no other."""
        if self.log_may_name_keys or key.use == telnyx_keys.GATEWAY:
            self.keys.setdefault(key.key_id, key)

    def look(self, row: Row) -> None:
        """Check the signature of one row."""
        signature = row.signature
        if signature is None:
            if row.source == WEBHOOK and row.masked and STAR in row.body:
                self.counts.not_retained += 1
            else:
                self.findings.add(
                    "signature_missing", row.position, "nothing in it is masked, yet there is no signature"
                )
            return
        claimed = row.claimed
        key = self.keys.get(_text(claimed.key_id))
        if key is None:
            self.waiting.setdefault(claimed.key_id or b"", []).append(row.position)
            return
        if key.use.encode() != row.source:
            said = f"it says {_text(row.source)}, and is signed by a key for {key.use}"
            self.findings.add("signature_wrong", row.position, said)
            return
        body = self._exact_body(row)
        if body is None:
            return
        if not key.made(signature, (claimed.signed_timestamp or b"") + b"|" + body):
            self.findings.add(
                "signature_wrong", row.position, f"the signature was not made by key {key.label} over these bytes"
            )
            return
        self.counts.verified += 1
        key.verified += 1

    def settle(self, read: Callable[[list[int]], Iterable[Row]]) -> None:
        """Check what waited for its key; ``read`` gives rows by position."""
        waiting, self.waiting = self.waiting, {}
        for key_id, positions in waiting.items():
            if _text(key_id) not in self.keys:
                self._unknown(key_id, positions)
                continue
            for some in _in_chunks(positions):
                for row in read(some):
                    self.look(row)

    def _unknown(self, key_id: bytes, positions: list[int]) -> None:
        for position in positions:
            self.findings.add(
                "key_unknown", position, f"signed by key {_text(key_id) or 'without an id'}, which nobody explains"
            )

    def _exact_body(self, row: Row) -> bytes | None:
        """Give the bytes that were signed; None where they cannot be had here."""
        if not row.masked:
            return row.body
        if row.sealed_body is None:
            self.findings.add("sealed_body_missing", row.position, "the sealed copy of the signed bytes is not there")
            return None
        if self.open_sealed is None:
            self.counts.sealed += 1
            return None
        original = self.open_sealed(row.sealed_body)
        if original is None:
            self.findings.add("sealed_body_wrong", row.position, "the sealed bytes do not open with the sealing key")
        elif not is_masked_from(row.body, original):
            self.findings.add(
                "sealed_body_wrong", row.position, "more than what is masked differs from what was sealed"
            )
        else:
            return original
        return None


def is_masked_from(masked: bytes, original: bytes) -> bool:
    """Tell whether a body is the original with some of it replaced by stars: the rest must be there, in order."""
    first, *pieces = _STARS.split(masked)
    if not pieces:
        return masked == original
    last = pieces.pop()
    end = len(original) - len(last)
    at = len(first)
    if at > end or not original.startswith(first) or not original.endswith(last):
        return False
    for piece in pieces:
        at = original.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _text(key_id: bytes | None) -> str:
    return (key_id or b"").decode(errors="replace")


def _in_chunks(positions: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(positions), _CHUNK_ROWS):
        yield positions[start : start + _CHUNK_ROWS]
