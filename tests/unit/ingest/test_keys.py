"""Which of Telnyx's keys are trusted, from when to when, and what the log is told of them."""

import base64
import re
from hashlib import sha256

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from calls import instants
from ingest import keys
from ingest.errors import KeyRefused
from tests.unit.ingest import door

OTHER = SigningKey(bytes(32))
OTHER_KEY = base64.b64encode(bytes(OTHER.verify_key)).decode()
MIDNIGHT = instants.parse("2026-09-21T00:00:00Z")


def test_public_keys_have_labels_and_ids() -> None:
    """A key is known by its label, and in the log by the SHA-256 of its bytes."""
    read = keys.public_keys(f" main={door.PUBLIC_KEY} ,{OTHER_KEY},")
    assert [key.label for key in read] == ["main", "key2"]
    assert [key.key_id for key in read] == [
        sha256(bytes(each.verify_key)).hexdigest() for each in (door.SIGNING_KEY, OTHER)
    ]
    assert {(key.valid_from, key.valid_to) for key in read} == {(None, None)}


@pytest.mark.parametrize(
    ("window", "valid_from", "valid_to"),
    [
        ("2026-09-21/", MIDNIGHT, None),
        ("/2026-09-21", None, MIDNIGHT),
        ("2026-09-21T02:00:00.5+02:00/2026-09-21T00:00:01Z", MIDNIGHT + 500_000, MIDNIGHT + 1_000_000),
        (" 2026-09-21 / 2026-09-22 ", MIDNIGHT, MIDNIGHT + 86_400_000_000),
        ("/", None, None),
    ],
)
def test_window_is_read(window: str, valid_from: int | None, valid_to: int | None) -> None:
    """Days begin at midnight in UTC, instants say their offset, and either end may be left open."""
    (key,) = keys.public_keys(f"a={door.PUBLIC_KEY}@{window}")
    assert (key.valid_from, key.valid_to) == (valid_from, valid_to)


@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(-5, 5))
def test_key_is_in_force_within_its_half_open_window(at: int, valid_from: int, valid_to: int) -> None:
    """The first instant counts and the last does not: of keys that follow each other, one is in force at any time."""
    first, change = sorted((valid_from, valid_to))
    ends = [(None, first), (first, change), (change, None)]
    followers = [keys.PublicKey("", "", door.SIGNING_KEY.verify_key, *window) for window in ends]
    assert [key.in_force(at) for key in followers] == [at < first, first <= at < change, change <= at]
    assert keys.PublicKey("", "", door.SIGNING_KEY.verify_key).in_force(at)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("", "TELNYX_PUBLIC_KEY is not set"),
        (" , ", "TELNYX_PUBLIC_KEY is not set"),
        ("secret", "item 1: expected"),
        (f"{door.PUBLIC_KEY},secret", "item 2: expected"),
        (door.PUBLIC_KEY[:-1], "item 1: expected"),
        (base64.b64encode(bytes(31)).decode(), "item 1: expected"),
        (f"a b={door.PUBLIC_KEY}", "item 1: expected"),
        ("-----BEGIN PUBLIC KEY-----", "item 1: expected"),
        (f"{door.PUBLIC_KEY}@", "item 1: expected its window"),
        (f"{door.PUBLIC_KEY}@2026-09-21", "item 1: expected its window"),
        (f"{door.PUBLIC_KEY}@2026-09-21T00:00:00/", "item 1: expected its window"),
        (f"{door.PUBLIC_KEY}@secret/", "item 1: expected its window"),
        (f"{door.PUBLIC_KEY}@/2026-02-30", "item 1: expected its window"),
        (f"{door.PUBLIC_KEY}@2026-09-21/2026-09-22/2026-09-23", "item 1: expected its window"),
        (f"{door.PUBLIC_KEY}@2026-09-21/2026-09-21", "item 1: its window ends before it begins"),
        (f"{door.PUBLIC_KEY}@2026-09-21/2026-09-20", "item 1: its window ends before it begins"),
    ],
)
def test_public_keys_that_are_none_are_refused(setting: str, sentence: str) -> None:
    """The refusal says which item and what was expected, and repeats nothing of it."""
    with pytest.raises(KeyRefused, match=re.escape(sentence)) as refusal:
        keys.public_keys(setting)
    assert "secret" not in str(refusal.value)


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda window: f"{door.PUBLIC_KEY}@{window}#"))
def test_public_keys_refuse_any_other_text_with_their_own_error(setting: str) -> None:
    """Reading the setting raises KeyRefused and nothing else."""
    with pytest.raises(KeyRefused):
        keys.public_keys(setting)


def test_trusted_keys_are_told_to_the_log_whole() -> None:
    """With what the event says, whoever has the log can check the signatures made with that key."""
    (event,) = keys.trusted_events(keys.public_keys(f"main={door.PUBLIC_KEY}@{door.DAY}/"), 7)
    said = orjson.loads(event.body)["data"]
    assert (event.source, event.event_type, event.received_us) == ("system", "key.trusted", 7)
    assert said["payload"] == {
        "key_id": sha256(bytes(door.SIGNING_KEY.verify_key)).hexdigest(),
        "public_key": door.PUBLIC_KEY,
        "label": "main",
        "valid_from": "2026-09-21T00:00:00.000000Z",
        "valid_to": None,
    }


def test_equal_keys_make_equal_events_and_other_windows_others() -> None:
    """Every start tells the log, which keeps each once."""
    setting = f"{door.PUBLIC_KEY},{door.PUBLIC_KEY}@/{door.DAY},b={OTHER_KEY}"
    first, again = (keys.trusted_events(keys.public_keys(setting), now) for now in (1, 2))
    assert [(event.key, event.delivery_id) for event in first] == [(event.key, event.delivery_id) for event in again]
    assert len({event.key for event in first}) == 3
