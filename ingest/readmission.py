"""Refused deliveries that prove genuine after all: a key that was wrong or came late must not lose evidence.

Telnyx does not repeat what was answered 401. What was kept of it is judged again, as if it had been delivered at the
time it was received, with the keys that are configured now. How it came in stays on the record: an event of the log
names each delivery that was readmitted, and why it was refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from nacl import exceptions as nacl_exceptions

from calls import instants
from ingest import deliveries, verifier, webhook
from ingest.errors import SignatureRejected
from ingest.keys import PublicKey
from ingest.strongbox import Strongbox
from store import system
from store.entry import Entry
from store.rejections import Held

BYTES_NOT_KEPT = "bytes_not_kept"
SEALED_BODY_UNREADABLE = "sealed_body_unreadable"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a refused delivery must satisfy now, and how it is kept."""

    public_keys: Sequence[PublicKey]
    tolerance_seconds: float
    mask_transcripts: bool = True


@dataclass(frozen=True, slots=True)
class Readmitted:
    """A refused delivery that is genuine, and the entry to append for it."""

    held: Held
    entry: Entry


@dataclass(frozen=True, slots=True)
class StillRefused:
    """A refused delivery that stays so, and why: a reason of ``ingest.errors``, of the log, or one of the two above."""

    held: Held
    reason: str


def judge(held: Held, rules: Rules, strongbox: Strongbox) -> Readmitted | StillRefused:
    """Judge a refused delivery again. Total: whatever was kept of it, it is one or the other."""
    if held.signature is None or (held.body is None and held.sealed_body is None):
        return StillRefused(held, BYTES_NOT_KEPT)
    try:
        body = _exact(held, strongbox)
        delivery = _verified(held, body, rules)
    except nacl_exceptions.CryptoError:
        return StillRefused(held, SEALED_BODY_UNREADABLE)
    except SignatureRejected as refusal:
        return StillRefused(held, refusal.reason)
    entry = deliveries.entry(delivery, strongbox, mask_transcripts=rules.mask_transcripts)
    return Readmitted(held, entry)


def event(readmitted: Sequence[Readmitted], now_us: instants.Instant) -> Entry:
    """Give the event that says of deliveries how they came in. It depends on them alone, not on ``now_us``."""
    return system.event(system.READMITTED, {"deliveries": [_said(each) for each in readmitted]}, now_us)


def _exact(held: Held, strongbox: Strongbox) -> bytes:
    return strongbox.open(held.sealed_body) if held.sealed_body is not None else held.body or b""


def _verified(held: Held, body: bytes, rules: Rules) -> deliveries.Delivery:
    received_us = instants.from_datetime(held.received_at)
    signature = verifier.read_signature(held.signature)
    signed = verifier.check_timestamp(held.signed_timestamp, received_us / instants.SECOND, rules.tolerance_seconds)
    key = verifier.verify(rules.public_keys, signed, signature, body)
    return deliveries.Delivery(
        body=body,
        content_type=webhook.media_type(held.content_type),
        received_us=received_us,
        signed_timestamp=signed.decode(),
        signature=signature,
        key_id=key.key_id,
        delivery_id=_delivery_id(held),
    )


def _delivery_id(held: Held) -> UUID:
    """Name the delivery by its row: readmitted twice, it is one delivery, and no redelivery of itself."""
    received_us = instants.from_datetime(held.received_at)
    return UUID(bytes=sha256(f"rejection {held.rejection_id} received {received_us}".encode()).digest()[:16])


def _said(readmitted: Readmitted) -> dict[str, str | int | None]:
    held, entry = readmitted.held, readmitted.entry
    return {
        "rejection_id": held.rejection_id,
        "delivery_id": str(entry.delivery_id),
        "event_id": entry.event_id,
        "received_at": instants.to_text(instants.from_datetime(held.received_at)),
        "remote_address": held.remote_address,
        "refused_for": held.reason,
        "key_id": entry.key_id,
    }
