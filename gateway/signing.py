"""The gateway's own key: what it puts on the record is signed as a webhook is, over ``timestamp|body``.

So one verification serves both, and who holds the database alone can invent no command. The key is made on first use
and lives beside the others, outside the database.
"""

import base64
import hmac
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from nacl.signing import SigningKey

from store import files, system
from store.entry import Entry

LABEL = "gateway"
USE = "gateway"
SEED_BYTES = 32


class GatewayKeyUnusable(Exception):
    """The key that commands are signed with is not there and cannot be made, or is none."""

    reason = "gateway_key_unusable"


class Signer:
    """Signs what the gateway says. ``key_id`` is the SHA-256 of the public key, in hex.

    ``fingerprint`` tells equal requests from others without giving away what was asked.
    """

    def __init__(self, seed: bytes, shared: bytes | None = None) -> None:
        """Take the key's seed, and the secret that all gateways of one database share; without, this one is alone."""
        self._key = SigningKey(seed)
        self._public = bytes(self._key.verify_key)
        self.key_id = sha256(self._public).hexdigest()
        # Of a secret of its own: four digits would be found from a plain hash by trying.
        self._secret = sha256(b"callaudit/gateway/fingerprint/v1" + (shared or seed)).digest()

    def sign(self, timestamp: str, body: bytes) -> bytes:
        """Give the signature over ``timestamp|body``."""
        return self._key.sign(timestamp.encode() + b"|" + body).signature

    def fingerprint(self, *parts: bytes) -> bytes:
        """Give a keyed hash of 32 bytes over parts, whose borders count."""
        content = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._secret, content, "sha256")

    def trusted_event(self, now_us: int) -> Entry:
        """Give the event that puts the public key on the record; equal keys make equal events."""
        said = {
            "key_id": self.key_id,
            "public_key": base64.b64encode(self._public).decode(),
            "label": LABEL,
            "use": USE,
            "valid_from": None,
            "valid_to": None,
        }
        return system.event(system.KEY_TRUSTED, said, now_us)


def opened(home: Path, shared: bytes | None = None) -> Signer:
    """Give the signer of a home directory, its key made on first use. Raises GatewayKeyUnusable."""
    path = home / "keys" / "gateway.key"
    try:
        with files.draft(path.parent, os.urandom(SEED_BYTES)) as draft, suppress(FileExistsError):
            path.hardlink_to(draft)  # unlike a rename, never replaces the key of a faster process
        return Signer(path.read_bytes(), shared)
    except (OSError, ValueError) as error:
        raise GatewayKeyUnusable(f"the gateway's key {path} can be neither read nor made: {error}") from error
