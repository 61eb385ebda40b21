"""Signs webhooks exactly as Telnyx does: Ed25519 over ``timestamp|raw body`` (telnyx.md section 4).

The key comes from a seed and is good for nothing but tests and demonstrations.
"""

import base64
import hashlib
from dataclasses import dataclass

from nacl.signing import SigningKey

USER_AGENT = "telnyx-webhooks"


def headers(timestamp: str | None, signature: str | None) -> dict[str, str]:
    """Give the headers of one delivery; None leaves that header out."""
    given = {
        "content-type": "application/json",
        "telnyx-signature-ed25519": signature,
        "telnyx-timestamp": timestamp,
        "user-agent": USER_AGENT,
    }
    return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Key:
    """A Telnyx account's signing key."""

    secret: SigningKey

    @property
    def public(self) -> str:
        """The public key as Mission Control shows it: base64 of 32 bytes."""
        return base64.b64encode(bytes(self.secret.verify_key)).decode()

    def signature(self, timestamp: str, body: bytes) -> str:
        """Give the standard base64 of the signature over ``timestamp|body``."""
        return base64.b64encode(self.secret.sign(f"{timestamp}|".encode() + body).signature).decode()

    def sign(self, timestamp: str, body: bytes) -> dict[str, str]:
        """Give the headers of a genuine delivery; ``timestamp`` is decimal Unix seconds."""
        return headers(timestamp, self.signature(timestamp, body))


def key_from_seed(seed: int | str) -> Key:
    """Give the key that belongs to ``seed``, always the same."""
    return Key(SigningKey(hashlib.sha256(f"callaudit simulator key {seed}".encode()).digest()))
