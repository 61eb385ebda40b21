"""Signatures are Telnyx's: Ed25519 over timestamp, a bar and the raw body."""

import base64

from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from simulator import key_from_seed

KEY = key_from_seed(1)


@given(seconds=st.integers(0, 10**11), body=st.binary(max_size=200))
def test_sign_gives_a_signature_that_the_public_key_verifies(seconds: int, body: bytes) -> None:
    """PyNaCl accepts timestamp|body under the published key, from the headers alone."""
    headers = KEY.sign(str(seconds), body)
    signature = base64.b64decode(headers["telnyx-signature-ed25519"], validate=True)
    signed = headers["telnyx-timestamp"].encode() + b"|" + body
    assert VerifyKey(base64.b64decode(KEY.public, validate=True)).verify(signed, signature) == signed


def test_sign_gives_the_headers_of_a_real_delivery() -> None:
    """Four headers, none of Standard Webhooks."""
    headers = KEY.sign("1768478400", b"{}")
    assert set(headers) == {"content-type", "telnyx-signature-ed25519", "telnyx-timestamp", "user-agent"}
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "telnyx-webhooks"


def test_key_from_seed_is_always_the_same_and_differs_between_seeds() -> None:
    """A key belongs to its seed."""
    assert key_from_seed(1).public == KEY.public
    assert key_from_seed(2).public != KEY.public
