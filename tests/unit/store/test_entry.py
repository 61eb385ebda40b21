"""Which entries are one event, and what is left of one that Postgres refuses."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from store import entry as store_entry
from store.entry import Entry
from tests.unit.store import made


@given(made.entries(), made.entries())
def test_key_rests_on_time_id_and_data_alone(one: Entry, other: Entry) -> None:
    """How and when a delivery came does not make it another event."""
    again = replace(other, occurred_us=one.occurred_us, event_id=one.event_id, data_hash=one.data_hash)
    assert again.key == one.key


@given(st.binary(min_size=32, max_size=32), st.text(max_size=5), st.text(max_size=5))
def test_key_differs_where_the_id_does(data_hash: bytes, one: str, other: str) -> None:
    """Equal data under two ids are two events."""
    keys = {made.entry(1, data_hash=data_hash, event_id=event_id).key for event_id in {one, other}}
    assert len(keys) == len({one, other})


def test_key_leads_with_the_time() -> None:
    """The index grows at one end; an event without a time stands at 0."""
    assert made.entry(1, occurred_us=7).key[0] == 7
    assert made.entry(1, occurred_us=None).key[0] == 0
    assert len(made.entry(1).key[1]) == store_entry.KEY_BYTES


@given(made.entries())
def test_without_columns_keeps_the_bytes_and_says_so(entry: Entry) -> None:
    """Only what Postgres may refuse is emptied: bytes, hash, signature and receive time stay."""
    bare = store_entry.without_columns(entry)
    kept = ("source", "received_us", "body", "data_hash", "masked", "signed_timestamp", "signature", "key_id")
    assert [getattr(bare, name) for name in kept] == [getattr(entry, name) for name in kept]
    assert bare.sealed_body == entry.sealed_body
    assert bare.quarantined == "refused_by_database"
    assert bare.event_id is bare.occurred_us is bare.call_leg_id is bare.call_session_id is None
