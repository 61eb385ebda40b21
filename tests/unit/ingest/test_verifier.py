"""The proof that Telnyx sent it: what it takes, what it refuses and why, on any bytes."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from ingest import keys as key_settings
from ingest import verifier
from ingest.errors import SignatureRejected
from tests.unit.ingest import door

KEYS = key_settings.public_keys(door.PUBLIC_KEY)
OTHER = SigningKey(bytes(32))
OTHER_KEY = base64.b64encode(bytes(OTHER.verify_key)).decode()
NOW = float(door.NOW_SECONDS)


def verdict(
    timestamp: str | None,
    signature: str | None,
    body: bytes,
    keys: tuple[key_settings.PublicKey, ...] = KEYS,
    tolerance_seconds: float = verifier.TOLERANCE_SECONDS_DEFAULT,
) -> str:
    """Go through the three checks as the endpoint does: the reason of a refusal, or the label of the key."""
    try:
        raw = verifier.read_signature(signature)
        signed = verifier.check_timestamp(timestamp, NOW, tolerance_seconds)
        return verifier.verify(keys, signed, raw, body).label
    except SignatureRejected as refusal:
        return f"{refusal.status} {refusal.reason}".removeprefix("401 ")


def genuine(body: bytes, seconds: int = door.NOW_SECONDS, key: SigningKey = door.SIGNING_KEY) -> tuple[str, str]:
    """Give the timestamp and signature of a genuine delivery."""
    return str(seconds), door.signature(b"%d" % seconds, body, key)


@given(st.binary(max_size=300))
def test_verify_takes_what_was_signed(body: bytes) -> None:
    """Any bytes that Telnyx signed are good, whatever they are."""
    assert verdict(*genuine(body), body) == "key1"


@given(st.binary(min_size=1, max_size=80), st.integers(0), st.integers(1, 255))
def test_verify_refuses_a_flipped_bit(body: bytes, place: int, flip: int) -> None:
    """One changed byte of the body, or of the signature, is found."""
    timestamp, signature = genuine(body)
    tampered = bytearray(body)
    tampered[place % len(body)] ^= flip
    assert verdict(timestamp, signature, bytes(tampered)) == "signature_mismatch"
    raw = bytearray(base64.b64decode(signature))
    raw[place % 64] ^= flip
    assert verdict(timestamp, base64.b64encode(raw).decode(), body) == "signature_mismatch"


def test_verify_signs_over_the_timestamp_too() -> None:
    """A signature cannot be given a later date, and the dot of other schemes is not the bar of this one."""
    timestamp, signature = genuine(b"body")
    assert verdict(str(door.NOW_SECONDS + 1), signature, b"body") == "signature_mismatch"
    dotted = base64.b64encode(door.SIGNING_KEY.sign(timestamp.encode() + b".body").signature).decode()
    assert verdict(timestamp, dotted, b"body") == "signature_mismatch"
    bodyless = base64.b64encode(door.SIGNING_KEY.sign(b"body").signature).decode()
    assert verdict(timestamp, bodyless, b"body") == "signature_mismatch"


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (0, "key1"),
        (-299, "key1"),
        (-300, "key1"),
        (-305, "timestamp_outside_tolerance"),
        (290, "key1"),
        (300, "key1"),
        (305, "timestamp_outside_tolerance"),
    ],
)
def test_timestamp_is_taken_within_the_tolerance_both_ways(offset: int, expected: str) -> None:
    """Old deliveries are refused and, unlike in the first SDKs, future ones too."""
    assert verdict(*genuine(b"", door.NOW_SECONDS + offset), b"") == expected


@pytest.mark.parametrize(
    ("timestamp", "reason"),
    [
        (None, "timestamp_missing"),
        ("", "timestamp_malformed"),
        (f"{door.NOW_SECONDS}000", "timestamp_malformed"),
        (f" {door.NOW_SECONDS}", "timestamp_malformed"),
        (f"+{door.NOW_SECONDS}", "timestamp_malformed"),
        (f"{door.NOW_SECONDS}.0", "timestamp_malformed"),
        ("179_000_0000", "timestamp_malformed"),
        ("٢٠٢٦", "timestamp_malformed"),
        ("2026-09-21T13:33:20Z", "timestamp_malformed"),
        (f"{door.NOW_SECONDS}\n", "timestamp_malformed"),
    ],
)
def test_timestamp_is_taken_as_unix_seconds_only(timestamp: str | None, reason: str) -> None:
    """Milliseconds, spaces, signs and other digits are no timestamp, even where the signature covers them."""
    signature = door.signature((timestamp or "").encode(), b"body")
    assert verdict(timestamp, signature, b"body") == reason


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (None, "signature_missing"),
        ("", "signature_malformed"),
        ("AAAA", "signature_malformed"),
        (base64.b64encode(bytes(63)).decode(), "signature_malformed"),
        (base64.b64encode(bytes(65)).decode(), "signature_malformed"),
        (bytes(64).hex(), "signature_malformed"),
        ("v1," + base64.b64encode(bytes(64)).decode(), "signature_malformed"),
        (base64.urlsafe_b64encode(b"\xff" * 64).decode(), "signature_malformed"),
        (base64.b64encode(bytes(64)).decode().rstrip("="), "signature_malformed"),
        ("ü" * 88, "signature_malformed"),
        (base64.b64encode(bytes(64)).decode(), "signature_mismatch"),
    ],
)
def test_signature_is_taken_as_64_bytes_in_standard_base64_only(signature: str | None, reason: str) -> None:
    """A missing signature, one that cannot be read and one that does not fit are told apart."""
    assert verdict(str(door.NOW_SECONDS), signature, b"body") == reason


def test_signature_may_have_spaces_around_it() -> None:
    """What proxies add to a header's ends does no harm."""
    timestamp, signature = genuine(b"body")
    assert verdict(timestamp, f"\t {signature} \r\n", b"body") == "key1"


def test_signature_with_foreign_characters_in_it_is_malformed() -> None:
    """Base64 that needs cleaning is not what Telnyx sends, even where the bytes behind it would fit."""
    timestamp, signature = genuine(b"body")
    assert verdict(timestamp, f"{signature[:9]}!{signature[9:]}", b"body") == "signature_malformed"


@given(
    st.none() | st.text(), st.none() | st.text() | st.binary(max_size=70).map(lambda b: base64.b64encode(b).decode())
)
def test_verifier_raises_nothing_but_its_own_error(timestamp: str | None, signature: str | None) -> None:
    """Whatever the headers, there is a reason, and no other exception."""
    assert verdict(timestamp, signature, b"body") != "key1"


@given(st.binary(max_size=100), st.binary(max_size=100), st.binary(max_size=100))
def test_verify_refuses_any_other_bytes(timestamp: bytes, signature: bytes, body: bytes) -> None:
    """Bytes of any number where 64 belong are a mismatch, not a crash."""
    with pytest.raises(SignatureRejected) as refusal:
        verifier.verify(KEYS, timestamp, signature, body)
    assert refusal.value.reason == "signature_mismatch"


def test_verify_names_the_key_that_signed() -> None:
    """Of several keys any will do, so that a key can be changed without losing a webhook."""
    keys = key_settings.public_keys(f"old={OTHER_KEY}, new={door.PUBLIC_KEY}")
    assert verdict(*genuine(b"body"), b"body", keys) == "new"
    assert verdict(*genuine(b"body", key=OTHER), b"body", keys) == "old"
    assert verdict(*genuine(b"body", key=SigningKey(b"\1" * 32)), b"body", keys) == "signature_mismatch"


def test_verify_trusts_nobody_without_a_key() -> None:
    """No key is no open door."""
    assert verdict(*genuine(b"body"), b"body", ()) == "signature_mismatch"


def test_verify_tries_the_keys_in_force_at_the_signed_time() -> None:
    """A key counts from the first instant of its window to before the end; outside of it, it proves nothing."""
    keys = key_settings.public_keys(f"old={OTHER_KEY}@/{door.DAY}, new={door.PUBLIC_KEY}@{door.DAY}/")
    midnight = door.NOW_SECONDS - door.NOW_SECONDS % 86_400
    signed = {
        "old": genuine(b"body", midnight - 1, OTHER),
        "new": genuine(b"body", midnight, door.SIGNING_KEY),
        "old, late": genuine(b"body", midnight, OTHER),
        "new, early": genuine(b"body", midnight - 1, door.SIGNING_KEY),
    }
    seen = [verdict(*headers, b"body", keys, tolerance_seconds=86_400) for headers in signed.values()]
    assert seen == ["old", "new", "signature_mismatch", "signature_mismatch"]
