"""Bodies look like those Telnyx sends."""

import base64
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson
import pytest

from simulator import Form, Mark, Simulation, Webhook


@pytest.fixture(scope="module")
def bodies(afternoon: Simulation) -> list[dict[str, Any]]:
    """Give every wrapped, genuine body, read."""
    return [
        orjson.loads(one.body)
        for one in afternoon.deliveries
        if one.forgery is None and one.webhook.form is Form.WRAPPED
    ]


def _sorted_throughout(value: object) -> bool:
    match value:
        case dict():
            return list(value) == sorted(value) and all(map(_sorted_throughout, value.values()))
        case list():
            return all(map(_sorted_throughout, value))
        case _:
            return True


def _payloads(bodies: list[dict[str, Any]], event_type: str) -> Iterator[dict[str, Any]]:
    return (body["data"]["payload"] for body in bodies if body["data"]["event_type"] == event_type)


def test_keys_are_sorted_at_each_level(bodies: list[dict[str, Any]]) -> None:
    """Keys come in the order real deliveries have them."""
    assert all(map(_sorted_throughout, bodies))


def test_envelope_has_what_every_real_delivery_has(bodies: list[dict[str, Any]]) -> None:
    """An event id of version 4, the record type, the attempt and the URL."""
    for body in bodies:
        assert UUID(body["data"]["id"]).version == 4
        assert body["data"]["record_type"] == "event"
        assert body["meta"]["attempt"] >= 1
        assert body["meta"]["delivered_to"].startswith("https://webhooks.example.com/")


def test_ids_have_the_forms_of_real_ones(bodies: list[dict[str, Any]]) -> None:
    """Leg and session ids are UUIDs of version 1, control ids v3 tokens, connection ids 19 digits."""
    for payload in _payloads(bodies, "call.initiated"):
        assert UUID(payload["call_leg_id"]).version == UUID(payload["call_session_id"]).version == 1
        assert payload["call_leg_id"] != payload["call_session_id"]
        assert re.fullmatch(r"v3:[A-Za-z0-9_-]{54}", payload["call_control_id"])
        assert re.fullmatch(r"\d{19}", payload["connection_id"])


def test_client_state_is_null_empty_or_base64(bodies: list[dict[str, Any]]) -> None:
    """All three forms occur, as they do in practice."""
    states = {payload["client_state"] for payload in _payloads(bodies, "call.answered")}
    assert {None, ""} < states
    assert all(base64.b64decode(state, validate=True) for state in states if state)


def test_call_quality_is_written_as_text_and_null_where_nothing_was_said(
    bodies: list[dict[str, Any]],
) -> None:
    """Numbers of call_quality_stats are strings; unanswered legs have none."""
    hangups = list(_payloads(bodies, "call.hangup"))
    assert {payload["call_quality_stats"] is None for payload in hangups} == {True, False}
    for payload in hangups:
        for side in (payload["call_quality_stats"] or {}).values():
            assert all(isinstance(figure, str) for figure in side.values())


def test_siprec_payload_has_five_fields_and_its_cause(bodies: list[dict[str, Any]]) -> None:
    """No session id, no parties: what the provider leaves out is left out."""
    common = {"call_control_id", "call_leg_id", "call_session_id", "client_state", "connection_id"}
    assert all(set(payload) == common for payload in _payloads(bodies, "siprec.started"))
    assert all(set(payload) == {*common, "hangup_cause"} for payload in _payloads(bodies, "siprec.stopped"))
    assert all(set(payload) == {*common, "failure_cause"} for payload in _payloads(bodies, "siprec.failed"))


def test_refer_payload_has_parties_and_the_notify_code(bodies: list[dict[str, Any]]) -> None:
    """Transfers carry from, to and an integer or null code."""
    for step in ("started", "completed", "failed"):
        for payload in _payloads(bodies, f"call.refer.{step}"):
            assert {"from", "to"} < set(payload)
            assert isinstance(payload["sip_notify_response"], int | None)


def test_recording_saved_has_no_control_id_and_no_parties(bodies: list[dict[str, Any]]) -> None:
    """As the specification has it."""
    for payload in _payloads(bodies, "call.recording.saved"):
        assert not {"call_control_id", "from", "to"} & set(payload)


def test_microseconds_are_constant_along_a_leg(afternoon: Simulation) -> None:
    """Webhooks of one leg lie on one 20 ms clock, to within ten microseconds."""
    for call in afternoon.calls:
        phases = {webhook.occurred_at % 20_000 for webhook in call.webhooks}
        distances = {min((phase - min(phases)) % 20_000, (min(phases) - phase) % 20_000) for phase in phases}
        assert max(distances) < 10


def test_flat_body_has_no_data_around_it() -> None:
    """The flat form is the event itself, the same in every attempt."""
    webhook = Webhook("conference.floor.changed", 0, {"id": "x", "event_type": "y"}, Form.FLAT)
    assert webhook.body(1, "https://a") == webhook.body(2, "https://b") == b'{"event_type":"y","id":"x"}'


def test_garbled_body_is_no_json(afternoon: Simulation) -> None:
    """A cut-off body cannot be parsed, and is marked as quarantined."""
    garbled = [hook for call in afternoon.calls for hook in call.webhooks if hook.form is Form.GARBLED]
    assert garbled
    for webhook in garbled:
        assert webhook.mark is Mark.QUARANTINED
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(webhook.body(1, "https://a"))
