"""Tree heads that somebody vouches for: the log's own checkpoints, and copies of them kept elsewhere.

A head's root is compared as the tree grows past it; its signature is checked against the keys of the log, of which
each origin has its own. A copy kept where the database's and the key's holders cannot reach shows what neither of the
two can: that the tail was cut off, or everything signed anew.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from store import checkpoints, notes, statements, telnyx_keys
from store.findings import Findings
from store.rows import Row


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint and where it was found; None: in the database."""

    note: str
    claimed: checkpoints.Checkpoint
    kept_at: str | None = None

    @property
    def name(self) -> str:
        """Say which one it is, for people."""
        where = "the checkpoint" if self.kept_at is None else f"the checkpoint kept at {self.kept_at},"
        return f"{where} of {self.claimed.origin} over {self.claimed.size} events"


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy of a checkpoint that is not in the database: where it is, and the signed note."""

    at: str
    note: str


def gather(connection: psycopg.Connection[Any], kept: Iterable[Kept], findings: Findings) -> list[Head]:
    """Give all heads that can be read, smallest first."""
    found: list[Head] = []
    rows = connection.execute(statements.load("store", "read_checkpoints")).fetchall()
    for size, origin, note in rows:
        head = _read(note, None, size, findings)
        if head is not None and (head.claimed.size, head.claimed.origin) != (size, origin):
            findings.add("checkpoint_malformed", size, f"{head.name} is filed as one of {origin} over {size}", size)
            continue
        found += [head] if head else []
    for each in kept:
        head = _read(each.note, each.at, 0, findings)
        found += [head] if head else []
    return sorted(found, key=lambda head: head.claimed.size)


def _read(note: str, kept_at: str | None, size: int, findings: Findings) -> Head | None:
    try:
        return Head(note, checkpoints.unverified(note), kept_at)
    except notes.NoteRejected as error:
        where = f"filed over {size} events" if kept_at is None else f"kept at {kept_at}"
        findings.add("checkpoint_malformed", size, f"the checkpoint {where} is none: {error}", size)
        return None


def check_signatures(
    heads: Sequence[Head],
    keys: Sequence[notes.Verifier],
    retired: Collection[notes.Verifier],
    continued: Iterable[Row],
    findings: Findings,
) -> dict[str, int]:
    """Check every head's signature; gives how many each key made.

    ``continued`` are events by which the log changed its key: each names the key before, which counts for checkpoints
    from before the event and no others, for it may have leaked. The event is believed if it names a key that is known
    to be ``retired``, or stands under a checkpoint that a given key signed.
    """
    signed = {id(head): key for head in heads for key in keys if _is_signed_by(head, key)}
    vouched = max((head.claimed.size for head in heads if id(head) in signed), default=0)
    for event in continued:
        former = [key for key in _former_keys(event) if key in retired or event.position < vouched]
        for head in heads:
            key = next((key for key in former if _is_signed_by(head, key)), None)
            if key is not None and head.claimed.size <= event.position:
                signed.setdefault(id(head), key)
    _report(heads, signed, {key.name for key in keys}, findings)
    made = {str(key): 0 for key in keys}
    for key in signed.values():
        made[str(key)] = made.get(str(key), 0) + 1
    return made


def _report(
    heads: Sequence[Head], signed: Mapping[int, notes.Verifier], known: Collection[str], findings: Findings
) -> None:
    below = 0  # the size of the last head that is signed as it must be
    for head in heads:
        if id(head) in signed:
            below = head.claimed.size
        elif head.claimed.origin in known:
            why = f"{head.name} is not signed by the key of its log"
            findings.add("checkpoint_signature_wrong", below, why, max(below, head.claimed.size - 1))
        else:
            why = f"{head.name} is of a log whose key nobody gave"
            findings.add("checkpoint_key_unknown", below, why, max(below, head.claimed.size - 1))


def _former_keys(event: Row) -> list[notes.Verifier]:
    """Give the keys that a ``log.continued`` event names; whichever field they stand in."""
    found: list[notes.Verifier] = []
    for value in telnyx_keys.payload_of(event.body).values():
        try:
            found.append(notes.verifier(value if isinstance(value, str) else ""))
        except notes.NoteKeyRefused:
            continue
    return found


def _is_signed_by(head: Head, key: notes.Verifier) -> bool:
    try:
        return checkpoints.open_(head.note, key) == head.claimed
    except notes.NoteRejected:
        return False
