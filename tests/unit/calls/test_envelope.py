"""Envelopes of webhook bodies in every form they may arrive in."""

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import envelope, instants

_GOLDEN = Path(__file__).parent / "golden"
_LEG_A = "c0000000-0000-11f1-8000-00000000000a"
_LEG_B = "c0000000-0000-11f1-8000-00000000000b"
_TIME = "2026-03-02T09:15:00.000001Z"


def _body(event_type: object = "call.hangup", meta: object = None, **changed: object) -> bytes:
    """One v2 body; keywords replace or, when None, drop fields of data (payload fields with payload_)."""
    data: dict[str, Any] = {"event_type": event_type, "id": "event-1", "occurred_at": _TIME}
    data["payload"] = {"call_leg_id": "leg-1", "call_session_id": "session-1"}
    for name, value in changed.items():
        target = data["payload"] if name.startswith("payload_") else data
        target[name.removeprefix("payload_")] = value
    return orjson.dumps({"data": data, "meta": meta})


@pytest.mark.parametrize(
    ("name", "event_id", "kind", "occurred_at", "leg", "quarantined"),
    [
        ("v2_with_meta.json", "01", "call.initiated", "09:15:00.076316", _LEG_A, None),
        ("data_only.json", "02", "siprec.stopped", "09:17:31.816307", _LEG_A, None),
        ("flat_debug.json", "03", "call.answered", "09:15:04.076316", _LEG_A, None),
        ("v1_flat.json", "04", "call_initiated", "09:15:00.250000", _LEG_B, None),
        ("conference_created.json", "05", "conference.created", "09:15:20.000000", _LEG_A, None),
        ("recording_saved.json", "06", "conference.recording.saved", "09:17:30.250000", None, None),
        ("dtmf_received.json", "07", "call.dtmf.received", "09:15:30.000000", _LEG_A, None),
        ("gather_ended.json", "08", "call.gather.ended", "09:15:40.000000", _LEG_A, None),
        ("payment_completed.json", "09", "call.payment.completed", "09:16:00.000000", _LEG_A, None),
        ("unknown_type.json", "10", "number_order.golden", "08:20:00.123000", None, None),
        ("texml.form", None, None, None, None, "not_json"),
        ("cut_off.txt", None, None, None, None, "not_json"),
    ],
)
def test_decode_reads_each_golden_body(  # noqa: PLR0917 - one column each
    name: str,
    event_id: str | None,
    kind: str | None,
    occurred_at: str | None,
    leg: str | None,
    quarantined: str | None,
) -> None:
    """Each form a body may arrive in gives its id, type, time and leg."""
    read = envelope.decode((_GOLDEN / name).read_bytes())
    assert read.event_id == (event_id and f"6f0c1a52-0b1e-4d0f-9a35-5d1f4f2a9c{event_id}")
    assert read.event_type == read.kind == kind
    assert read.occurred_at == (occurred_at and instants.parse(f"2026-03-02T{occurred_at}Z"))
    assert (read.call_leg_id, read.quarantined) == (leg, quarantined)


def test_decode_of_a_full_body_has_its_ids_payload_and_attempt() -> None:
    """The four ids, the payload and the delivery attempt of a v2 body are there."""
    read = envelope.decode((_GOLDEN / "v2_with_meta.json").read_bytes())
    assert read.call_session_id == "c0000000-0000-11f1-8000-000000000001"
    assert read.call_control_id == "v3:golden-control-a"
    assert read.connection_id == "1494404757140276705"
    assert read.payload["client_state"] is None
    assert read.attempt == 2


@pytest.mark.parametrize("name", [path.name for path in sorted(_GOLDEN.iterdir())])
def test_data_hash_is_the_hash_of_the_canonical_form(name: str) -> None:
    """The hash can be computed again from the canonical bytes, whatever the form."""
    read = envelope.decode((_GOLDEN / name).read_bytes())
    assert read.data_hash == hashlib.sha256(read.canonical).digest()


@pytest.mark.parametrize("name", ["v2_with_meta.json", "flat_debug.json"])
def test_data_hash_ignores_meta_spaces_and_key_order(name: str) -> None:
    """A redelivery, whose meta differs, has the hash of the first delivery (EC-140)."""
    body = (_GOLDEN / name).read_bytes()
    whole = orjson.loads(body)
    again = orjson.dumps({**whole, "meta": {"attempt": 3}}, option=orjson.OPT_SORT_KEYS)
    assert envelope.decode(again).data_hash == envelope.decode(body).data_hash
    assert envelope.decode(again).attempt == 3


def test_data_hash_differs_when_data_differs() -> None:
    """Two events that share an id but say different things can be told apart (EC-002)."""
    assert envelope.decode(_body("call.refer.started")).data_hash != envelope.decode(_body()).data_hash


def test_data_hash_of_what_is_no_json_is_that_of_the_body() -> None:
    """Bytes without a canonical form are their own."""
    assert envelope.decode(b"Digits=*").data_hash == hashlib.sha256(b"Digits=*").digest()
    assert envelope.decode(b"Digits=*").canonical == b"Digits=*"


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [
        ("call.siprec.started", "siprec.started"),
        ("call_siprec_failed", "siprec.failed"),
        ("siprec.stopped", "siprec.stopped"),
        (" call.hangup\n", "call.hangup"),
        ("call.brand_new.thing", "call.brand_new.thing"),
        ("Call.Hangup", "Call.Hangup"),
    ],
)
def test_kind_resolves_aliases_and_the_type_stays_as_sent(event_type: str, kind: str) -> None:
    """Aliases and spaces are resolved in the kind alone (EC-008, EC-141)."""
    read = envelope.decode(_body(event_type))
    assert (read.event_type, read.kind) == (event_type, kind)


@pytest.mark.parametrize(
    ("body", "quarantined"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"data": NaN}', "not_json"),
        (b'"\\ud800"', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"a":' * 100_000, "not_json"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (
            b'{"data": {"event_type": "call.hangup", "x": ' + b"[" * 400 + b"]" * 400 + b"}}",
            "nested_too_deeply",
        ),
        (b"{}", "event_type_missing"),
        (b'{"data": []}', "event_type_missing"),
        (_body(""), "event_type_missing"),
        (_body(None), "event_type_missing"),
        (_body(5), "event_type_unstorable"),
        (_body("call.\0"), "event_type_unstorable"),
        (_body("x" * 256), "event_type_unstorable"),
        (_body(payload_call_leg_id=None), "call_leg_id_missing"),
        (_body(payload_call_leg_id=""), "call_leg_id_missing"),
        (_body(payload=None), "call_leg_id_missing"),
        (_body(payload=["call_leg_id"]), "call_leg_id_missing"),
        (_body(payload_call_leg_id=7), "call_leg_id_unstorable"),
        (_body(payload_call_leg_id="é" * 128), "call_leg_id_unstorable"),
        (_body(payload_call_leg_id="é" * 127), None),
        (_body(occurred_at=None), "occurred_at_missing"),
        (_body(occurred_at="yesterday"), "occurred_at_unusable"),
        (_body(occurred_at=_TIME[:-1]), "occurred_at_unusable"),
        (_body(occurred_at="10000-01-01T00:00:00Z"), "occurred_at_unusable"),
        (_body(occurred_at="9999-12-31T23:59:59-14:00"), "occurred_at_unusable"),
        (_body(occurred_at=1_700_000_000), "occurred_at_unusable"),
        (_body(id="\0"), "event_id_unstorable"),
        (_body(id=None), None),
        (_body(payload_connection_id=1494404757140276705), "connection_id_unstorable"),
        (_body(payload_call_control_id={}), "call_control_id_unstorable"),
        (_body(payload_call_session_id="s\0"), "call_session_id_unstorable"),
        (_body("message.received", payload=None, occurred_at=None), None),
        (_body("message.received", occurred_at="yesterday"), None),
        (_body("message.received", occurred_at="9999-12-31T23:59:59Z"), "occurred_at_unusable"),
        (_body("conference.created", payload=None, occurred_at=None), None),
        (_body("conference.participant.left", payload=None), None),
        (
            _body(occurred_at="?", id=1, payload_call_leg_id=None, payload_connection_id=1),
            "event_id_unstorable,occurred_at_unusable,call_leg_id_missing,connection_id_unstorable",
        ),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_quarantined_names_what_is_wrong(body: bytes, quarantined: str | None) -> None:
    """An event about a leg needs leg and time, and what no column can hold is named and None (EC-007)."""
    read = envelope.decode(body)
    assert read.quarantined == quarantined
    for reason in (quarantined or "").split(","):
        field = reason.removesuffix("_unstorable").removesuffix("_missing").removesuffix("_unusable")
        assert getattr(read, field, None) is None


@pytest.mark.parametrize(
    ("changed", "occurred_at"),
    [
        ({"payload_occurred_at": "2000-01-01T00:00:00Z"}, _TIME),
        ({"occurred_at": None, "payload_occurred_at": _TIME}, _TIME),
        ({"occurred_at": "", "payload_occurred_at": _TIME}, _TIME),
        ({"occurred_at": "?", "payload_occurred_at": _TIME}, None),
        ({"occurred_at": None, "created_at": _TIME, "payload_created_at": _TIME}, None),
        ({"occurred_at": None, "payload_recording_ended_at": _TIME}, None),
        (
            {"event_type": "call.recording.saved", "occurred_at": None, "payload_recording_ended_at": _TIME},
            _TIME,
        ),
    ],
)
def test_occurred_at_is_the_first_time_given(changed: dict[str, object], occurred_at: str | None) -> None:
    """Data, then payload, then the end of a saved recording; never a creation time or a guess (domain 8b)."""
    assert envelope.decode(_body(**changed)).occurred_at == (occurred_at and instants.parse(occurred_at))


@pytest.mark.parametrize(
    ("meta", "attempt"),
    [
        ({"attempt": 4}, 4),
        ({"attempt": True}, None),
        ({"attempt": "1"}, None),
        ({"attempt": 10**6}, None),
        ([], None),
    ],
)
def test_attempt_is_a_small_integer_or_none(meta: object, attempt: int | None) -> None:
    """What is no count of deliveries is no attempt."""
    assert envelope.decode(_body(meta=meta)).attempt == attempt


def test_decode_keeps_the_last_of_equal_keys() -> None:
    """Of two equal keys the last counts, as orjson reads it."""
    body = b'{"data": {"event_type": "call.hangup", "event_type": "call.bridged"}}'
    assert envelope.decode(body).kind == "call.bridged"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_EVENTS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("id", "event_type", "occurred_at", "webhook_id", "record_type"), _JSON)
    | {
        "payload": _JSON
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(("call_leg_id", "call_session_id", "connection_id", "occurred_at"), _JSON),
        )
    },
)
_WHOLE = st.fixed_dictionaries({"data": _EVENTS | _JSON, "meta": _JSON}) | _EVENTS


def _assert_storable(read: envelope.Envelope) -> None:
    for field in fields(read):
        value = getattr(read, field.name)
        if isinstance(value, str) and field.name != "quarantined":
            assert value
            assert "\0" not in value
            assert len(value.encode()) <= 255
    if read.occurred_at is not None:
        instants.to_text(read.occurred_at)
    assert len(read.data_hash) == 32
    assert isinstance(read.payload, dict)


@given(st.binary(max_size=200))
def test_decode_is_total_on_any_bytes(body: bytes) -> None:
    """Any bytes give an envelope that columns can hold."""
    _assert_storable(envelope.decode(body))


@given(_WHOLE)
def test_decode_is_total_on_any_json(whole: object) -> None:
    """Fields of any type, missing or not, give an envelope that columns can hold."""
    _assert_storable(envelope.decode(json.dumps(whole).encode()))
