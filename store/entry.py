"""What the log is given to keep, and what it says of it.

The store reads no meaning into an entry: which event it is, whose, and what of it may be kept, is decided before.
"""

from dataclasses import dataclass, replace
from hashlib import sha256
from uuid import UUID

KEY_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event to append. Instants are microseconds since 1970-01-01T00:00:00Z.

    ``body`` is what is kept of the bytes received (``masked`` says whether something was masked); ``sealed_body``
    the exact bytes, encrypted, where they hold bearer URLs. ``data_hash`` is the SHA-256 of the canonical data
    after masking; with ``event_id`` it says which event this is. ``attempt`` is the provider's delivery attempt.
    ``delivery_id`` names the request that brought it: the same one arriving twice (by a commit that took too long to
    be waited for, and by the spool) is nothing; another one is a redelivery.
    """

    source: str
    received_us: int
    body: bytes
    data_hash: bytes
    masked: bool = False
    event_type: str | None = None
    event_id: str | None = None
    occurred_us: int | None = None
    call_session_id: str | None = None
    call_leg_id: str | None = None
    call_control_id: str | None = None
    connection_id: str | None = None
    signed_timestamp: str | None = None
    signature: bytes | None = None
    key_id: str | None = None
    quarantined: str | None = None
    sealed_body: bytes | None = None
    attempt: int | None = None
    delivery_id: UUID | None = None

    @property
    def key(self) -> tuple[int, bytes]:
        """What makes appending idempotent: time first, so that the index stays local (0 without a time)."""
        digest = sha256(b"%d:%b" % (len(self.data_hash), self.data_hash))
        digest.update((self.event_id or "").encode())
        return self.occurred_us or 0, digest.digest()[:KEY_BYTES]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an entry is: at ``position``; ``redelivered`` if an equal one was there before it."""

    position: int
    redelivered: bool


@dataclass(frozen=True, slots=True)
class Spooled:
    """Where an entry is until the log can take it: in the spool of this process, synced to disk, as ``number``."""

    number: int


def without_columns(entry: Entry) -> Entry:
    """Give the entry with every column emptied that Postgres might refuse; its bytes stay."""
    return replace(
        entry,
        event_type=None,
        event_id=None,
        occurred_us=None,
        call_session_id=None,
        call_leg_id=None,
        call_control_id=None,
        connection_id=None,
        attempt=None,
        quarantined="refused_by_database",
    )
