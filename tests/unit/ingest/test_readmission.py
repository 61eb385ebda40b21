"""Refused deliveries judged again: which prove genuine, and what the log is told of them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import keys, readmission
from ingest.readmission import Readmitted, StillRefused
from ingest.strongbox import Strongbox
from store.rejections import Held
from tests.unit.ingest import door
from tests.unit.ingest.door import EVENT

RULES = readmission.Rules(public_keys=keys.public_keys(f"late={door.PUBLIC_KEY}"), tolerance_seconds=300)
URL = (
    b'{"data":{"id":"event-2","event_type":"call.recording.saved","payload":{"recording_urls":{"mp3":"https://x/y"}}}}'
)


def held(signed: bytes | None = EVENT, **fields: Any) -> Held:
    """Give what is kept of a refused delivery; Telnyx signed those bytes."""
    said: dict[str, Any] = {
        "rejection_id": 7,
        "received_at": datetime.fromtimestamp(door.NOW_SECONDS + 1.5, UTC),
        "remote_address": "192.0.2.7",
        "reason": "signature_mismatch",
        "body": signed,
        "content_type": "application/json",
        "signed_timestamp": str(door.NOW_SECONDS),
        "signature": door.signature(b"%d" % door.NOW_SECONDS, signed or b""),
        "sealed_body": None,
    }
    return Held(**{**said, **fields})


def judged(refused: Held, rules: readmission.Rules = RULES) -> Readmitted | StillRefused:
    """Judge it with the fixed key."""
    return readmission.judge(refused, rules, door.BOX)


def test_delivery_that_proves_genuine_becomes_the_entry_that_it_would_have_been() -> None:
    """As a webhook, at the time it was received, with the key that verifies it."""
    outcome = judged(held())
    assert isinstance(outcome, Readmitted)
    entry = outcome.entry
    assert (entry.source, entry.body, entry.event_id) == ("webhook", EVENT, "event-1")
    assert entry.received_us == door.NOW_SECONDS * 1_000_000 + 1_500_000
    assert entry.key_id == RULES.public_keys[0].key_id
    assert entry.signature is not None
    assert entry.signed_timestamp == str(door.NOW_SECONDS)


def test_delivery_is_the_same_each_time_and_no_other_ones() -> None:
    """Readmitted twice, it is one delivery; each row is its own."""
    first, again, other, later = (
        judged(each) for each in (held(), held(), held(rejection_id=8), held(received_at=datetime.now(UTC)))
    )
    assert isinstance(first, Readmitted)
    assert isinstance(again, Readmitted)
    assert isinstance(other, Readmitted)
    assert first.entry.delivery_id == again.entry.delivery_id != other.entry.delivery_id
    assert isinstance(later, StillRefused)


def test_sealed_bytes_are_judged_and_kept_as_any_with_a_recording_url() -> None:
    """The masked form proves nothing; the exact bytes do, and are sealed again."""
    sealed = held(URL, body=b"masked", sealed_body=door.BOX.seal(URL))
    outcome = judged(sealed)
    assert isinstance(outcome, Readmitted)
    assert b"https" not in outcome.entry.body
    assert outcome.entry.sealed_body is not None
    assert door.BOX.open(outcome.entry.sealed_body) == URL


def test_form_is_read_as_a_form() -> None:
    """The stored content type says what the bytes are; a digit in them is masked, were it ever kept."""
    body = b"CallSid=1&Digits=4929"
    outcome = judged(held(body, content_type="application/x-www-form-urlencoded; charset=utf-8"))
    assert isinstance(outcome, Readmitted)
    assert outcome.entry.body == b"CallSid=1&Digits=****"
    assert outcome.entry.signature is None


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        (held(None), "bytes_not_kept"),
        (held(signature=None), "bytes_not_kept"),
        (held(EVENT + b" ", body=EVENT), "signature_mismatch"),
        (held(signature="c2ln"), "signature_malformed"),
        (held(signed_timestamp=None), "timestamp_missing"),
        (held(signed_timestamp="soon"), "timestamp_malformed"),
        (held(received_at=datetime.fromtimestamp(door.NOW_SECONDS + 301, UTC)), "timestamp_outside_tolerance"),
        (held(received_at=datetime.fromtimestamp(door.NOW_SECONDS - 301, UTC)), "timestamp_outside_tolerance"),
        (held(sealed_body=b"no box"), "sealed_body_unreadable"),
        (held(sealed_body=Strongbox(b"k" * 32).seal(EVENT)), "sealed_body_unreadable"),
    ],
)
def test_what_proves_nothing_stays_refused(kept: Held, reason: str) -> None:
    """The reason says what is missing."""
    outcome = judged(kept)
    assert isinstance(outcome, StillRefused)
    assert (outcome.reason, outcome.held) == (reason, kept)


def test_key_must_be_in_force_when_it_was_signed() -> None:
    """A key that is configured for another time proves nothing about this one."""
    for window, expected in ((f"@{door.DAY}/", Readmitted), (f"@/{door.DAY}", StillRefused)):
        rules = replace(RULES, public_keys=keys.public_keys(door.PUBLIC_KEY + window))
        assert isinstance(judged(held(), rules), expected)


def test_event_says_how_each_came_in() -> None:
    """Which rows, when they were received, from where, why they were refused, and by which key they are genuine."""
    outcome = judged(held())
    assert isinstance(outcome, Readmitted)
    event = readmission.event([outcome], 99)
    said = orjson.loads(event.body)["data"]
    assert (event.source, event.event_type, event.received_us) == ("system", "log.readmitted", 99)
    assert said["payload"]["deliveries"] == [
        {
            "rejection_id": 7,
            "delivery_id": str(outcome.entry.delivery_id),
            "event_id": "event-1",
            "received_at": "2026-09-21T14:13:21.500000Z",
            "remote_address": "192.0.2.7",
            "refused_for": "signature_mismatch",
            "key_id": RULES.public_keys[0].key_id,
        }
    ]
    assert readmission.event([outcome], 100).key == event.key


_ANYTHING = st.none() | st.binary(max_size=80)
_TEXT = st.none() | st.text(max_size=90)


@given(_ANYTHING, _ANYTHING, _TEXT, _TEXT, _TEXT)
def test_judge_takes_any_row(
    body: bytes | None, sealed: bytes | None, kind: str | None, timestamp: str | None, signature: str | None
) -> None:
    """Whatever stands in a row, it is judged, and nothing that Telnyx did not sign is readmitted."""
    row = held(EVENT, body=body, sealed_body=sealed, content_type=kind, signed_timestamp=timestamp, signature=signature)
    assert isinstance(judged(row), StillRefused)
