"""Log entries for tests: plain ones by number, and any that a log can hold."""

from hashlib import sha256
from typing import Any

from hypothesis import strategies as st

from store.entry import Entry

RECEIVED_US = 1_772_366_400_000_000  # 2026-03-01T12:00:00Z


def entry(number: int, **fields: Any) -> Entry:
    """Give the entry of an event: equal numbers make equal events, whatever else differs."""
    given: dict[str, Any] = {
        "source": "webhook",
        "received_us": RECEIVED_US + number,
        "body": b'{"data":{"id":"event-%d"}}' % number,
        "data_hash": sha256(b"data %d" % number).digest(),
        "event_type": "call.answered",
        "event_id": f"event-{number}",
        "occurred_us": RECEIVED_US + number * 1_000,
        "call_session_id": f"session-{number}",
        "call_leg_id": f"leg-{number}",
        "signed_timestamp": "1772366400",
        "signature": b"s" * 64,
        "key_id": "k",
        "attempt": 1,
    }
    return Entry(**{**given, **fields})


_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
_maybe_text = st.none() | _texts
_instants = st.integers(-62_000_000_000_000_000, 250_000_000_000_000_000)  # years 5 to 9892


def entries() -> st.SearchStrategy[Entry]:
    """Give any entry that the columns can hold."""
    return st.builds(
        Entry,
        source=st.sampled_from(["webhook", "gateway", "backfill", "system"]),
        received_us=_instants,
        body=st.binary(max_size=200),
        data_hash=st.binary(min_size=32, max_size=32),
        masked=st.booleans(),
        event_type=_maybe_text,
        event_id=_maybe_text,
        occurred_us=st.none() | _instants,
        call_session_id=_maybe_text,
        call_leg_id=_maybe_text,
        call_control_id=_maybe_text,
        connection_id=_maybe_text,
        signed_timestamp=_maybe_text,
        signature=st.none() | st.binary(max_size=64),
        key_id=_maybe_text,
        quarantined=_maybe_text,
        sealed_body=st.none() | st.binary(max_size=80),
        attempt=st.none() | st.integers(0, 2**15 - 1),
    )
