"""Stored rows read back as events."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from calls import envelope, instants, stored

_GOLDEN = Path(__file__).parent / "golden"


def test_event_has_what_the_envelope_read_and_what_the_row_says() -> None:
    """Position, source and receive time come from the row, everything else from the body."""
    body = (_GOLDEN / "data_only.json").read_bytes()
    event = stored.event(7, "webhook", 1_000, body)
    assert (event.position, event.source, event.received_at) == (7, "webhook", 1_000)
    assert event.event_type == event.kind == "siprec.stopped"
    assert event.event_id == "6f0c1a52-0b1e-4d0f-9a35-5d1f4f2a9c02"
    assert event.occurred_at == instants.parse("2026-03-02T09:17:31.816307Z")
    assert event.call_leg_id == "c0000000-0000-11f1-8000-00000000000a"
    assert event.call_session_id == "c0000000-0000-11f1-8000-000000000001"
    assert event.call_control_id == "v3:golden-control-a"
    assert event.connection_id == "1494404757140276705"
    assert event.payload["hangup_cause"] == "normal_clearing"
    assert event.canonical == envelope.decode(body).canonical


@given(st.binary(max_size=64))
def test_event_is_total_on_any_bytes(body: bytes) -> None:
    """A row whose body says nothing is an event without id, type or time, never an error."""
    event = stored.event(0, "webhook", 0, body)
    assert isinstance(event.event_id, str)
    assert isinstance(event.kind, str)


def test_event_without_id_and_type_has_empty_ones() -> None:
    """The fold is given empty texts, never None."""
    event = stored.event(0, "webhook", 0, b"no JSON")
    assert (event.event_id, event.event_type, event.kind, event.occurred_at) == ("", "", "", None)
