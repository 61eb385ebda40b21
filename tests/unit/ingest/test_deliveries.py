"""What is kept of a delivery, and above all what is not."""

from uuid import uuid4

import orjson
from hypothesis import given
from hypothesis import strategies as st

from calls import envelope
from ingest import deliveries
from ingest.deliveries import Delivery
from store.entry import Entry
from tests.unit.ingest import door

URL = "https://recordings.example.com/a.mp3?grant=0123456789abcdef"


def kept(body: bytes, content_type: str = "application/json", *, mask_transcripts: bool = True) -> Entry:
    """Give the entry of a genuine delivery."""
    delivery = Delivery(
        delivery_id=uuid4(),
        body=body,
        content_type=content_type,
        received_us=7,
        signed_timestamp="1790000000",
        signature=bytes(64),
        key_id="key",
    )
    return deliveries.entry(delivery, door.BOX, mask_transcripts=mask_transcripts)


def event(**payload: object) -> bytes:
    """Give the body of an event with this payload."""
    data = {
        "id": "event-1",
        "event_type": "call.gather.ended",
        "occurred_at": "2026-09-21T13:33:19.123456Z",
        "payload": {"call_leg_id": "leg", "call_session_id": "session", "call_control_id": "v3:c", **payload},
    }
    return orjson.dumps({"data": data, "meta": {"attempt": 3}})


def test_entry_of_a_plain_event_keeps_bytes_and_signature() -> None:
    """Without a secret everything is kept as it was received, and can be verified ever after."""
    body = event(digit_count=4)
    entry = kept(body)
    assert (entry.body, entry.signature, entry.masked, entry.sealed_body) == (body, bytes(64), False, None)
    assert (entry.event_id, entry.event_type, entry.attempt) == ("event-1", "call.gather.ended", 3)
    assert (entry.call_leg_id, entry.call_session_id, entry.call_control_id) == ("leg", "session", "v3:c")
    assert entry.occurred_us == 1_789_997_599_123_456
    assert entry.quarantined is None


def test_entry_with_digits_keeps_neither_them_nor_what_would_give_them_away() -> None:
    """The signature is dropped with the digits: with it, ten thousand guesses find four of them."""
    entry = kept(event(digits="4929"))
    assert b"4929" not in entry.body
    assert b'"****"' in entry.body
    assert (entry.masked, entry.signature, entry.sealed_body) == (True, None, None)
    assert entry.key_id == "key"  # it was verified, and by which key
    assert entry.data_hash == envelope.decode(entry.body).data_hash


def test_entry_with_a_recording_url_keeps_the_exact_bytes_sealed() -> None:
    """A URL cannot be guessed, so the signature stays and whoever has the key can verify it."""
    body = event(recording_urls={"mp3": URL})
    entry = kept(body)
    assert URL.encode() not in entry.body
    assert (entry.masked, entry.signature) == (True, bytes(64))
    assert entry.sealed_body is not None
    assert URL.encode() not in entry.sealed_body
    assert door.BOX.open(entry.sealed_body) == body


def test_entry_with_both_keeps_no_sealed_copy() -> None:
    """A sealed original would keep the digits; they win."""
    entry = kept(event(recording_urls={"mp3": URL}, digits="4929"))
    assert (entry.signature, entry.sealed_body, entry.masked) == (None, None, True)
    assert URL.encode() not in entry.body


def test_entry_of_a_form_is_masked_as_a_form() -> None:
    """TeXML posts forms: their digits are masked, and that they are no JSON is said."""
    entry = kept(b"CallSid=c&Digits=4929&To=%2B1", deliveries.FORM)
    assert entry.body == b"CallSid=c&Digits=****&To=%2B1"
    assert (entry.signature, entry.quarantined) == (None, "not_json")


def test_entry_keeps_transcripts_where_they_are_allowed() -> None:
    """What was said is masked unless the setting says otherwise."""
    body = event(transcription_data={"transcript": "hello"})
    assert b"hello" not in kept(body).body
    allowed = kept(body, mask_transcripts=False)
    assert (allowed.body, allowed.signature, allowed.masked) == (body, bytes(64), False)


def test_redelivery_is_the_same_event_whatever_its_digits_were() -> None:
    """The identity is taken after masking, so it gives nothing away of what was masked."""
    assert kept(event(digits="4929")).key == kept(event(digits="1234")).key
    assert kept(event(digits="4929")).key != kept(event(digits="12345")).key


@given(st.binary(max_size=200), st.sampled_from(["application/json", deliveries.FORM, ""]))
def test_entry_is_made_of_any_bytes(body: bytes, content_type: str) -> None:
    """Verified bytes always have an entry; one that no event was read from says why."""
    entry = kept(body, content_type)
    assert entry.event_type or entry.quarantined
    assert len(entry.data_hash) == 32
    assert (entry.signature is None) <= entry.masked
