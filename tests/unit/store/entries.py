"""Entries made up for tests, and any entry that a log can hold."""

from hashlib import sha256
from typing import Any

from hypothesis import strategies as st

from store.entry import Entry

START_US = 1_790_000_000_000_000
"""2026-09-21T13:33:20Z."""


def make(number: int, **fields: Any) -> Entry:
    """Make an entry like no other number's."""
    body = b'{"data":{"id":"event-%d"}}' % number
    said: dict[str, Any] = {
        "source": "webhook",
        "received_us": START_US + number,
        "body": body,
        "data_hash": sha256(body).digest(),
        "event_type": "call.answered",
        "event_id": f"event-{number}",
        "occurred_us": START_US - 1_000_000 + number,
        "call_session_id": "session-1",
        "call_leg_id": "leg-1",
        "call_control_id": "v3:control-1",
        "connection_id": "1234567890123456789",
        "signed_timestamp": "1790000000",
        "signature": bytes(64),
        "key_id": "0" * 64,
    }
    return Entry(**{**said, **fields})


def some(first: int, end: int) -> list[Entry]:
    """Make the entries of a range of numbers."""
    return [make(number) for number in range(first, end)]


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_BYTES = st.binary(max_size=40)
_INSTANT_US = st.integers(-62_000_000_000_000_000, 253_000_000_000_000_000)

ANY = st.builds(
    Entry,
    source=st.sampled_from(["webhook", "gateway", "backfill", "system"]),
    received_us=_INSTANT_US,
    body=_BYTES,
    data_hash=st.binary(min_size=32, max_size=32),
    masked=st.booleans(),
    event_type=_TEXT | st.none(),
    event_id=_TEXT | st.none(),
    occurred_us=_INSTANT_US | st.none(),
    call_session_id=_TEXT | st.none(),
    call_leg_id=_TEXT | st.none(),
    call_control_id=_TEXT | st.none(),
    connection_id=_TEXT | st.none(),
    signed_timestamp=_TEXT | st.none(),
    signature=_BYTES | st.none(),
    key_id=_TEXT | st.none(),
    quarantined=_TEXT | st.none(),
    sealed_body=_BYTES | st.none(),
    attempt=st.integers(0, 2**15 - 1) | st.none(),
)
"""Any entry that the columns of the log can hold."""
