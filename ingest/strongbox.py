"""Exact bytes that grant access (recording URLs) are kept sealed; the key lives outside the database."""

import hmac
import os
from contextlib import suppress
from pathlib import Path

from nacl.secret import SecretBox

from store import files


class SealingKeyUnusable(Exception):
    """The key that recording URLs are sealed with is not there and cannot be made, or is none."""

    reason = "sealing_key_unusable"


class Strongbox:
    """Seals bytes with one key (XSalsa20-Poly1305)."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._box = SecretBox(key)

    def seal(self, body: bytes) -> bytes:
        """Encrypt the bytes; the random nonce stands first."""
        return bytes(self._box.encrypt(body))

    def secret_for(self, what: bytes) -> bytes:
        """Give a secret of 32 bytes for another purpose; equal in all homes that have this key."""
        return hmac.digest(self._key, what, "sha256")

    def open(self, sealed: bytes) -> bytes:
        """Decrypt what was sealed with this key. Raises nacl.exceptions.CryptoError for anything else."""
        return self._box.decrypt(sealed)


def opened(home: Path) -> Strongbox:
    """Give the strongbox of a home directory. Raises SealingKeyUnusable."""
    path = home / "keys" / "sealed_bodies.key"
    try:
        return Strongbox(key_at(path))
    except (OSError, ValueError) as error:
        raise SealingKeyUnusable(f"the sealing key {path} can be neither read nor made: {error}") from error


def key_at(path: Path) -> bytes:
    """Read the key, or make it on first use, readable by its owner alone. Safe for several processes at once."""
    with files.draft(path.parent, os.urandom(SecretBox.KEY_SIZE)) as draft, suppress(FileExistsError):
        path.hardlink_to(draft)  # unlike a rename, never replaces the key of a faster process
    return path.read_bytes()
