"""Sentences for people: what each kind of event shows, and what none may show."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import catalogue, instants, sentences, wording
from calls.event import Event

SAMPLES = Path(__file__).parents[4] / "shared" / "data" / "samples"
START = "2026-03-02T10:00:00.000000Z"

SECRETS = {
    "digit": "7319",
    "digits": "7319",
    "sip_auth_password": "7319",
    "security_code": "7319",
    "expiration_date": "7319",
    "bank_routing_number": "7319",
    "payment_card_number": "7319",
    "payment_confirmation_code": "7319",
    "token_id": "7319",
    "media_url": "https://m.example/7319",
    "stream_url": "wss://m.example/7319",
    "media_name": "m.example/a.mp3?token=7319",
    "queue": "https://m.example/7319",
    "recording_urls": {"mp3": "https://m.example/7319"},
    "transcription_text": "7319",
    "transcription_data": {"transcript": "7319"},
    "message_history": [{"role": "user", "content": "7319"}],
    "result": {"answer": "7319"},
    "partial_results": {"answer": "7319"},
    "results": [{"result": "7319"}],
    "conversation_insights": [{"result": "7319"}],
    "client_state": "7319",
    "caller_id_name": "7319",
    "custom_headers": [{"name": "X-Token", "value": "7319"}],
    "reason": "my code is 7319",
    "status": "7319",
    "payment_step": "card 7319",
    "failure_reason": "wss://m.example/7319 refused",
    "error_message": "7319",
    "failure_cause": "see https://m.example/7319",
    "hangup_cause": "see www.example/7319",
    "from": "sip:alice:7319@example.com",
    "to": "sips:bob;code=7319@example.com",
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(START),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
FIELDS = [*SECRETS, "direction", "channels", "hangup_source", "sip_hangup_cause", "sip_notify_response"]
FIELDS += ["start_time", "end_time", "recording_started_at", "recording_ended_at", "duration_sec", "score"]
FIELDS += ["total_cost", "cost_parts", "billed_duration_secs", "current_position", "wait_time_secs"]
KINDS = sorted(sentences.SENTENCES)


def tell(kind: str, payload: object = None, occurred_at: int | None = None) -> str:
    """Give the sentence of an event of this kind with this payload."""
    event = Event(
        position=1,
        source="telnyx",
        event_id="e",
        event_type=kind,
        kind=kind,
        occurred_at=occurred_at,
        received_at=0,
        call_session_id=None,
        call_leg_id=None,
        call_control_id=None,
        connection_id=None,
        payload=payload,  # type: ignore[arg-type]  # any shape may arrive
        canonical=b"",
    )
    return sentences.sentence(event)


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        (
            "call.initiated",
            {
                "direction": "incoming",
                "from": "+15550100001",
                "to": "sip:bob:pw@example.com:5060;transport=tls",
            },
            "Incoming call from +15550100001 to bob@example.com started.",
        ),
        ("call.initiated", {"direction": 1, "from": {}, "to": ""}, "Call started."),
        ("call.answered", {"to": "+15550100002"}, "The call to +15550100002 was answered."),
        (
            "call.hangup",
            {
                "hangup_source": "caller",
                "hangup_cause": "normal_clearing",
                "sip_hangup_cause": "200",
                "start_time": START,
                "end_time": "2026-03-02T11:03:59.9Z",
            },
            "The caller hung up after 1 h 3 min: normal clearing (Q.850 16), SIP 200.",
        ),
        (
            "call.hangup",
            {"hangup_source": "callee", "hangup_cause": "time_limit", "sip_hangup_cause": "unspecified"},
            "The called party hung up: time limit.",
        ),
        ("call.hangup", {}, "The call ended: no cause given."),
        ("call.hangup", {"hangup_cause": "kaboom\x07!"}, "The call ended: unrecognised cause kaboom !."),
        ("call.hangup", {"hangup_cause": 999}, "The call ended: unrecognised cause 999."),
        ("call.hangup", {"hangup_cause": [16]}, "The call ended: unrecognised cause."),
        ("siprec.failed", {"failure_cause": "sip:503"}, "Recording to the SIPREC server failed: SIP 503."),
        (
            "siprec.stopped",
            {"hangup_cause": "media_timeout"},
            "Recording to the SIPREC server stopped: media timeout (FreeSWITCH 804).",
        ),
        ("call.refer.failed", {"sip_notify_response": 603}, "The transfer (REFER) failed with SIP 603."),
        ("call.refer.started", {"sip_notify_response": None}, "The transfer (REFER) started."),
        (
            "call.recording.saved",
            {"recording_started_at": START, "recording_ended_at": "2026-03-02T10:04:52Z", "channels": "dual"},
            "A recording of 4 min 52 s (dual channel) was saved.",
        ),
        (
            "conference.recording.saved",
            {"recording_started_at": START, "recording_ended_at": "2026-03-02T09:00:00Z"},
            "A conference recording was saved.",
        ),
        (
            "call.recording.error",
            {"result": "Internal server error"},
            "Recording failed: Internal server error.",
        ),
        (
            "call.cost",
            {"total_cost": "0.0106", "billed_duration_secs": 120, "cost_parts": [{"currency": "USD"}]},
            "The cost of the call was computed: 0.0106 USD, 2 min billed.",
        ),
        ("call.cost", {"status": "error"}, "The cost of the call could not be computed."),
        ("call.dtmf.received", {"digit": "5"}, "A key was pressed."),
        (
            "call.gather.ended",
            {"digits": "****", "status": "call_hangup"},
            "Gathering of keys ended (call hangup), 4 pressed.",
        ),
        (
            "call.enqueued",
            {"queue": "support", "current_position": 0},
            "The call entered the queue support at position 0.",
        ),
        (
            "call.dequeued",
            {"queue": "support", "wait_time_secs": 65, "reason": "bridging-in-process"},
            "The call left the queue support after 1 min 5 s: bridging in process.",
        ),
        (
            "call.conversation.ended",
            {"duration_sec": 3, "reason": "customer_disconnect"},
            "The conversation with the assistant ended after 3 s: customer disconnect.",
        ),
        (
            "call.deepfake_detection.result",
            {"result": "fake", "score": 0.87},
            "Deepfake detection ended: fake (score 0.87).",
        ),
        (
            "call.payment.progress",
            {"payment_step": "payment-card-number", "payment_status": "completed"},
            "A payment by phone went on: payment card number, completed.",
        ),
        (
            "call.playback.ended",
            {"media_name": "welcome.mp3", "status": "file_not_found"},
            "Playback of welcome.mp3 ended: file not found.",
        ),
        (
            "call.machine.detection.ended",
            {"result": "not_sure"},
            "Answering machine detection ended: not sure.",
        ),
        ("streaming.failed", {"failure_reason": 5}, "Streaming of the call's media failed."),
        ("call.brand_new.thing", {"digits": "1"}, "Event call.brand_new.thing."),
        ("", {}, "Event without a type."),
    ],
)
def test_sentence_when_details_are_given(kind: str, payload: dict[str, object], expected: str) -> None:
    """A sentence tells what the payload gives and leaves out what it does not."""
    assert tell(kind, payload) == expected


def test_sentence_when_a_hangup_gives_no_end() -> None:
    """The time of the event ends the call that has a start only."""
    start = instants.parse(START)
    assert start is not None
    told = tell("call.hangup", {"start_time": START}, start + 400 * instants.MILLISECOND)
    assert told == "The call ended after 0.4 s: no cause given."


@pytest.mark.parametrize("kind", sorted(catalogue.KNOWN))
def test_sentence_when_the_kind_is_known(kind: str) -> None:
    """Every catalogued kind has a sentence of its own."""
    assert not tell(kind).startswith("Event ")


@pytest.mark.parametrize("kind", [*KINDS, "call.unheard_of"])
def test_sentence_when_the_payload_holds_secrets(kind: str) -> None:
    """Keys pressed, payment data, passwords, addresses and what was said are never shown."""
    told = tell(kind, SECRETS)
    assert "7319" not in told
    assert "://" not in told
    assert "token" not in told


@given(
    st.sampled_from(KINDS) | st.text(),
    JSON | st.dictionaries(st.sampled_from(FIELDS), JSON),
    st.none() | st.just(0),
)
def test_sentence_when_the_payload_has_any_shape(kind: str, payload: object, occurred_at: int | None) -> None:
    """Any payload gives one printable line of bounded length that ends in a full stop."""
    told = tell(kind, payload, occurred_at)
    assert told.isprintable()
    assert told.endswith(".")
    assert len(told) < 5 * wording.TEXT_SHOWN_MAX


@pytest.mark.parametrize("kind", KINDS)
def test_sentence_when_numbers_are_huge(kind: str) -> None:
    """A number too long to be written is left out."""
    assert tell(kind, dict.fromkeys(FIELDS, 10**5000)).isprintable()


@given(st.text(), st.text(), st.sampled_from(["sip:", "SIPS:"]))
def test_sentence_when_a_party_carries_a_password(user: str, rest: str, scheme: str) -> None:
    """What stands between a SIP user and its host is not shown."""
    assert "\u2620" not in tell("call.answered", {"from": f"{scheme}{user}:\u2620{rest}@example.com"})


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (0.44, "0.4 s"),
        (59.99, "60 s"),
        (60, "1 min"),
        (292.5, "4 min 52 s"),
        (3600, "1 h"),
        (90061, "25 h 1 min"),
    ],
)
def test_duration_when_written(seconds: float, expected: str) -> None:
    """Durations are written as people say them."""
    assert wording.duration(seconds) == expected


@pytest.mark.skipif(not SAMPLES.exists(), reason="../shared is not here")
def test_sentence_when_the_sample_is_published() -> None:
    """Every published sample of a call event is told without its type or its keys."""
    for path in SAMPLES.glob("*.json"):
        body = json.loads(path.read_text())
        data = body.get("data", body)
        if data.get("event_type") in sentences.SENTENCES:
            told = tell(data["event_type"], data.get("payload"))
            assert not told.startswith("Event "), path.name
            assert "http" not in told, path.name
