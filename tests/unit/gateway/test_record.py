"""What is put on the record of a command: signed, whole, and without its secrets."""

import string

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from gateway import parsing, record
from gateway.record import Caller, Command, Recorder
from gateway.signing import Signer
from ingest.strongbox import Strongbox
from store import telnyx_keys

SIGNER = Signer(bytes(range(32)))
NOW = 1_772_366_400_123_456
CALLER = Caller(actor="ada", key_id="k1", address="192.0.2.1", purpose="training", ticket="T-1", user_agent="x")


def command(action: str = "send_dtmf") -> Command:
    """Make a command for a call."""
    path = f"/v2/calls/v3:abc/actions/{action}".encode()
    return Command(target=parsing.target("POST", path, b""), caller=CALLER)


def test_an_event_names_the_command_and_verifies_with_the_key_that_the_log_names() -> None:
    """The signature is over ``timestamp|body``, as a webhook's; another byte does not verify."""
    entry = Recorder(SIGNER).requested(command(), b'{"digits":"12"}', NOW, ["w"])
    key = telnyx_keys.named_by(SIGNER.trusted_event(NOW).body)
    message = f"{entry.signed_timestamp}|".encode() + entry.body
    assert (key.key_id, key.use) == (entry.key_id, entry.source)
    assert key.made(entry.signature or b"", message)
    with pytest.raises(BadSignatureError):
        VerifyKey(key.public).verify(message + b" ", entry.signature or b"")
    assert (entry.quarantined, entry.call_control_id, entry.occurred_us) == (None, "v3:abc", NOW)
    payload = orjson.loads(entry.body)["data"]["payload"]
    assert payload["parameters"] == {"digits": "**"}
    assert payload["warnings"] == ["w"]
    assert {name: payload[name] for name in CALLER.said()} == CALLER.said()


def test_gateways_of_one_database_know_equal_requests_by_the_same_hash() -> None:
    """Though each signs with a key of its own: the secret comes from the sealing key, which all homes have."""
    one, other = Strongbox(bytes(32)), Strongbox(b"1" * 32)
    here, there = (Signer(bytes([number]) * 32, one.secret_for(b"gateway")) for number in (1, 2))
    assert here.fingerprint(b"a") == there.fingerprint(b"a") != here.fingerprint(b"b")
    assert here.key_id != there.key_id
    assert Signer(bytes(32), other.secret_for(b"gateway")).fingerprint(b"a") != here.fingerprint(b"a")


@given(st.text(string.digits, min_size=4, max_size=12), st.text("QXZ", min_size=9, max_size=20))
def test_no_key_press_and_no_password_is_kept(digits: str, password: str) -> None:
    """Not in the body, whose words have none of its letters, nor in a signature or hash: only their length is."""
    recorder, sent = Recorder(SIGNER), command("refer")
    body = orjson.dumps({"digits": digits, "sip_auth_password": password, "x": {"send_digits": digits}})
    entry = recorder.requested(sent, body, NOW)
    same_length = recorder.requested(
        sent, body.replace(digits.encode(), b"0" * len(digits)).replace(password.encode(), b"a" * len(password)), NOW
    )
    assert password.encode() not in entry.body
    assert orjson.loads(entry.body)["data"]["payload"]["parameters"]["digits"] == "*" * len(digits)
    assert (entry.body, entry.signature, entry.data_hash) == (
        same_length.body,
        same_length.signature,
        same_length.data_hash,
    )


def test_what_is_no_json_leaves_its_length_only() -> None:
    """Bytes that nobody can read may hold anything."""
    payload = orjson.loads(Recorder(SIGNER).requested(command(), b"digits=1234", NOW).body)["data"]["payload"]
    assert (payload["parameters"], payload["body_bytes"]) == (None, 11)


@given(st.text(max_size=400) | st.none())
def test_what_a_caller_says_of_itself_is_short_and_printable(said: str | None) -> None:
    """No control character reaches a terminal by way of the record."""
    kept = record.text(said)
    assert kept is None or (kept.isprintable() and 0 < len(kept) <= record.TEXT_CHARACTERS_MAX)


def test_equal_requests_have_one_fingerprint_and_borders_count() -> None:
    """It is keyed: another gateway's key gives another one, so that four digits cannot be found by trying."""
    assert SIGNER.fingerprint(b"ab", b"c") == SIGNER.fingerprint(b"ab", b"c")
    assert SIGNER.fingerprint(b"ab", b"c") != SIGNER.fingerprint(b"a", b"bc")
    assert SIGNER.fingerprint(b"ab") != Signer(bytes(32)).fingerprint(b"ab")
