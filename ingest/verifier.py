"""Prove that Telnyx signed these bytes, recently. Raises SignatureRejected and nothing else, for any input.

What is signed is ``<timestamp header as sent>|<raw body>``, with Ed25519; the signature is standard base64. (The
documents' "Standard Webhooks compatible" is about header names in SDKs; on the wire nothing of it is there.)
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from nacl import exceptions as nacl_exceptions
from nacl.signing import VerifyKey

from ingest.errors import KeyRefused, SignatureRejected

TOLERANCE_SECONDS_DEFAULT = 300
"""What every SDK of Telnyx allows; voice retries end within a minute."""

SIGNATURE_BYTES = 64

_CONFIGURED = re.compile(r"(?:(?P<label>[A-Za-z0-9_.-]+)=)?(?P<key>[A-Za-z0-9+/]{43}=)")
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One of Telnyx's public keys. ``key_id`` is the SHA-256 of its 32 bytes, in hex."""

    label: str
    key_id: str
    verify_key: VerifyKey


def public_keys(setting: str) -> tuple[PublicKey, ...]:
    """Read ``[label=]base64key`` items separated by commas. Raises KeyRefused, saying which and why."""
    items = [item.strip() for item in setting.split(",") if item.strip()]
    if not items:
        raise KeyRefused("TELNYX_PUBLIC_KEY is not set: without a key no webhook can be verified")
    return tuple(_public_key(item, number) for number, item in enumerate(items, start=1))


def _public_key(item: str, number: int) -> PublicKey:
    match = _CONFIGURED.fullmatch(item)
    if match is None:
        raise KeyRefused(f"TELNYX_PUBLIC_KEY, item {number}: expected [label=]key, the key 32 bytes in base64")
    raw = base64.b64decode(match["key"], validate=True)
    label = match["label"] or f"key{number}"
    return PublicKey(label, sha256(raw).hexdigest(), VerifyKey(raw))


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
    """Give the key that made the signature."""
    signed = timestamp + b"|" + body
    for key in keys:
        try:
            key.verify_key.verify(signed, signature)
        except (nacl_exceptions.CryptoError, ValueError):
            continue
        return key
    raise SignatureRejected("signature_mismatch", "the signature was not made by a trusted key over these bytes")
