"""Public keys, Telnyx's and the gateway's, as far as anybody vouches for them: given from outside, or by the log.

The log names a key in a ``key.trusted`` event. That is the log's own word: it ties each signature to a key that was
trusted when the event came in, and says nothing of whose key it was. Who wants to know compares it with the one that
Telnyx shows.
"""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

import orjson
from nacl import exceptions as nacl_exceptions
from nacl.signing import VerifyKey

KEY_BYTES = 32

WEBHOOK = "webhook"
GATEWAY = "gateway"
USES = (WEBHOOK, GATEWAY)
"""What keys sign: webhooks, as Telnyx sends them, or what the gateway puts on the record. As ``source`` has it."""


@dataclass(slots=True)
class TelnyxKey:
    """A public key. ``vouched_by``: ``log``, or where it was given. ``verified`` counts its good signatures.

    ``use`` says what it signs: the rows of which source. A key of the gateway vouches for no webhook.
    """

    key_id: str
    label: str
    public: bytes
    vouched_by: str
    verified: int = 0
    use: str = WEBHOOK

    def made(self, signature: bytes, message: bytes) -> bool:
        """Tell whether the key made the signature over the message."""
        try:
            VerifyKey(self.public).verify(message, signature)
        except (nacl_exceptions.CryptoError, ValueError):
            return False
        return True


class KeyEventWrong(ValueError):
    """A ``key.trusted`` event does not say which key it means."""


def named_by(body: bytes) -> TelnyxKey:
    """Read the key of a ``key.trusted`` event. Raises KeyEventWrong, for any bytes."""
    payload = payload_of(body)
    public = _decoded(payload.get("public_key"))
    if public is None:
        raise KeyEventWrong("it gives no public key")
    if payload.get("key_id") != sha256(public).hexdigest():
        raise KeyEventWrong("its key_id is not that of its public key")
    use = payload.get("use", WEBHOOK)
    if use not in USES:
        raise KeyEventWrong("it does not say what the key signs")
    return TelnyxKey(sha256(public).hexdigest(), str(payload.get("label") or ""), public, "log", use=use)


def payload_of(body: bytes) -> dict[str, Any]:
    """Give the payload of a system event; empty for what is none."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    for name in ("data", "payload"):
        said = cast("dict[str, Any]", said).get(name) if isinstance(said, dict) else None
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def _decoded(text: object) -> bytes | None:
    try:
        public = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return None
    return public if len(public) == KEY_BYTES else None
