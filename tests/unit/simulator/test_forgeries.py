"""Each forgery fails the check it is meant to fail, and genuine deliveries fail none."""

import base64
import re
from collections.abc import Mapping

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from calls.instants import SECOND
from simulator import REASONS, Forgery, key_from_seed, seal

KEY = key_from_seed(1)
NOW = 1_768_478_400 * SECOND + 123_456
BODY = b'{"data":{"event_type":"call.hold"},"meta":{"attempt":1,"delivered_to":"https://a"}}'


def _refusal(headers: Mapping[str, str], body: bytes) -> str | None:
    """Check a delivery as the provider's documents say to; None where nothing is wrong."""
    timestamp, signature = headers.get("telnyx-timestamp"), headers.get("telnyx-signature-ed25519")
    if timestamp is None or signature is None:
        return "signature_missing" if timestamp else "timestamp_missing"
    if re.fullmatch(r"\d{1,12}", timestamp) is None:
        return "timestamp_malformed"
    if abs(NOW // SECOND - int(timestamp)) > 300:
        return "timestamp_outside_tolerance"
    try:
        raw = base64.b64decode(signature, validate=True)
        VerifyKey(base64.b64decode(KEY.public)).verify(f"{timestamp}|".encode() + body, raw)
    except BadSignatureError:
        return "signature_mismatch"
    except ValueError:
        return "signature_malformed"
    return None


@pytest.mark.parametrize("forgery", Forgery)
def test_seal_fails_the_one_check_it_is_meant_to_fail(forgery: Forgery) -> None:
    """An independent verifier gives the reason that is expected."""
    headers, body = seal(KEY, NOW, BODY, forgery)
    assert _refusal(headers, body) == REASONS[forgery]


def test_seal_passes_every_check_when_genuine() -> None:
    """The body is untouched and the verifier finds nothing."""
    headers, body = seal(KEY, NOW, BODY, None)
    assert body == BODY
    assert _refusal(headers, body) is None
