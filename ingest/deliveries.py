"""From a verified delivery to the entry that is kept: mask, decode, seal. Pure but for the seal's nonce.

Masking comes first, so that nothing downstream (hashes, columns, redeliveries) ever sees what must not be kept.
"""

from dataclasses import dataclass
from uuid import UUID

from calls import envelope, masking
from ingest.strongbox import Strongbox
from store.entry import Entry

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One verified webhook delivery. ``received_us`` is our clock, microseconds since 1970."""

    delivery_id: UUID
    body: bytes
    content_type: str
    received_us: int
    signed_timestamp: str
    signature: bytes
    key_id: str


def entry(delivery: Delivery, strongbox: Strongbox, *, mask_transcripts: bool = True) -> Entry:
    """Say what is kept of a delivery.

    A body with a guessable secret loses its signature: with it, or any hash of the original, four digits could be
    found by trying. A body with bearer URLs is sealed whole beside its masked form.
    """
    masked = masking.mask(delivery.body, form=delivery.content_type == FORM, transcripts=mask_transcripts)
    said = envelope.decode(masked.body)
    return Entry(
        source="webhook",
        received_us=delivery.received_us,
        body=masked.body,
        data_hash=said.data_hash,
        masked=masked.guessable or masked.bearer,
        event_type=said.event_type,
        event_id=said.event_id,
        occurred_us=said.occurred_at,
        call_session_id=said.call_session_id,
        call_leg_id=said.call_leg_id,
        call_control_id=said.call_control_id,
        connection_id=said.connection_id,
        signed_timestamp=delivery.signed_timestamp,
        signature=None if masked.guessable else delivery.signature,
        key_id=delivery.key_id,
        quarantined=said.quarantined,
        sealed_body=strongbox.seal(delivery.body) if masked.bearer and not masked.guessable else None,
        attempt=said.attempt,
        delivery_id=delivery.delivery_id,
    )
