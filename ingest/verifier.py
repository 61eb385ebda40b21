"""Prove that Telnyx signed these bytes, recently. Raises SignatureRejected and nothing else, for any input.

What is signed is ``<timestamp header as sent>|<raw body>``, with Ed25519; the signature is standard base64. (The
documents' "Standard Webhooks compatible" is about header names in SDKs; on the wire nothing of it is there.)
"""

import base64
import binascii
import re
from collections.abc import Sequence

from nacl import exceptions as nacl_exceptions

from calls import instants
from ingest.errors import SignatureRejected
from ingest.keys import PublicKey

TOLERANCE_SECONDS_DEFAULT = 300
"""What every SDK of Telnyx allows; voice retries end within a minute."""

SIGNATURE_BYTES = 64

_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)
_SECONDS = re.compile(rb"\d{1,12}")


def check_timestamp(timestamp: str | None, now_seconds: float, tolerance_seconds: float) -> bytes:
    """Refuse a missing, malformed, old or future timestamp; give the bytes it was signed as."""
    if timestamp is None:
        raise SignatureRejected("timestamp_missing", "header telnyx-timestamp is missing")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureRejected("timestamp_malformed", "header telnyx-timestamp is not in Unix seconds")
    if abs(now_seconds - int(timestamp)) > tolerance_seconds:
        raise SignatureRejected(
            "timestamp_outside_tolerance",
            f"header telnyx-timestamp is more than {tolerance_seconds:g} s from this server's clock",
        )
    return timestamp.encode()


def read_signature(signature: str | None) -> bytes:
    """Refuse a missing or malformed signature header; give its 64 bytes."""
    if signature is None:
        raise SignatureRejected("signature_missing", "header telnyx-signature-ed25519 is missing")
    try:
        raw = base64.b64decode(signature.strip(" \t\r\n\f\v"), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != SIGNATURE_BYTES:
        raise SignatureRejected(
            "signature_malformed", "header telnyx-signature-ed25519 is not 64 bytes in standard base64"
        )
    return raw


def verify(keys: Sequence[PublicKey], timestamp: bytes, signature: bytes, body: bytes) -> PublicKey:
    """Give the key that made the signature, of those in force when it was signed."""
    signed = timestamp + b"|" + body
    signed_at = _instant(timestamp)
    for key in keys:
        if not key.in_force(signed_at):
            continue
        try:
            key.verify_key.verify(signed, signature)
        except (nacl_exceptions.CryptoError, ValueError):
            continue
        return key
    raise SignatureRejected("signature_mismatch", "the signature was not made by a trusted key over these bytes")


def _instant(timestamp: bytes) -> instants.Instant:
    """Read Unix seconds; what is none was signed at no time, and a key without a window may still have signed it."""
    return int(timestamp) * instants.SECOND if _SECONDS.fullmatch(timestamp) else 0
