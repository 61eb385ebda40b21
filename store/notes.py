"""Signed notes (C2SP signed-note): a text, an empty line, and who signed it with Ed25519.

Total on any input: what is no note, or not signed by the given key, raises NoteRejected and nothing else.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from nacl import exceptions as nacl_exceptions
from nacl.signing import SigningKey, VerifyKey

NOTE_BYTES_MAX = 2**20
_ED25519 = b"\x01"
_KEY_HASH_BYTES = 4
_NAME = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_PRIVATE = "PRIVATE+KEY+"


class NoteRejected(ValueError):
    """The text is no note, or not signed by the key that it must be signed by."""

    reason = "note_rejected"


class NoteKeyRefused(ValueError):
    """What was given as a key of notes is none."""

    reason = "note_key_refused"


@dataclass(frozen=True, slots=True)
class Verifier:
    """The public half of a key: a name and 32 bytes."""

    name: str
    public: bytes

    @property
    def key_hash(self) -> bytes:
        """What marks its signatures, 4 bytes."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_KEY_HASH_BYTES]

    def __str__(self) -> str:
        """Write it as ``name+hash+base64``, the way tools of transparency logs read it."""
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """A key to sign with: a name and a seed of 32 bytes."""

    name: str
    seed: bytes

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, bytes(SigningKey(self.seed).verify_key))

    def sign(self, text: str) -> str:
        """Give the note: the text, which ends in a newline, and its signature."""
        if not text.endswith("\n") or _has_other_characters(text):
            raise NoteRejected("a note's text ends in a newline and has no other control characters")
        signature = SigningKey(self.seed).sign(text.encode()).signature
        marked = base64.b64encode(self.verifier.key_hash + signature).decode()
        return f"{text}\n— {self.name} {marked}\n"

    def encode(self) -> str:
        """Write the private key as ``PRIVATE+KEY+name+hash+base64``."""
        secret = base64.b64encode(_ED25519 + self.seed).decode()
        return f"{_PRIVATE}{self.name}+{self.verifier.key_hash.hex()}+{secret}"


def verifier(text: str) -> Verifier:
    """Read ``name+hash+base64``. Raises NoteKeyRefused."""
    name, key_hash, raw = _key_parts(text.strip())
    found = Verifier(name, raw)
    if found.key_hash.hex() != key_hash:
        raise NoteKeyRefused("the key's hash is not that of its name and bytes")
    return found


def signer(text: str) -> Signer:
    """Read ``PRIVATE+KEY+name+hash+base64``. Raises NoteKeyRefused, which does not repeat it."""
    marked, private, parts = text.strip().partition(_PRIVATE)
    if marked or not private:
        raise NoteKeyRefused("expected PRIVATE+KEY+name+hash+base64")
    name, key_hash, seed = _key_parts(parts)
    found = Signer(name, seed)
    if found.verifier.key_hash.hex() != key_hash:
        raise NoteKeyRefused("the key's hash is not that of its name and bytes")
    return found


def open_(note: str, key: Verifier) -> str:
    """Give the text of a note that the key signed. Raises NoteRejected."""
    text, signatures = _parts(note)
    for name, marked in signatures:
        if name != key.name or marked[:_KEY_HASH_BYTES] != key.key_hash:
            continue
        try:
            VerifyKey(key.public).verify(text.encode(), marked[_KEY_HASH_BYTES:])
        except (nacl_exceptions.CryptoError, ValueError) as error:
            raise NoteRejected(f"the signature of {name} is not over this text") from error
        return text
    raise NoteRejected(f"not signed by {key.name}+{key.key_hash.hex()}")


def text_of(note: str) -> str:
    """Give the text of a note, whoever signed it: not to be believed. Raises NoteRejected."""
    return _parts(note)[0]


def decode(note: bytes) -> str:
    """Read a note's bytes as what ``open_`` and ``text_of`` take. Raises NoteRejected."""
    try:
        return note.decode()
    except UnicodeDecodeError as error:
        raise NoteRejected("a note is UTF-8") from error


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, separator, below = note.rpartition("\n\n")
    if not separator or len(note) > NOTE_BYTES_MAX or _has_other_characters(note) or not below.endswith("\n"):
        raise NoteRejected("no signed note")
    return f"{text}\n", [_signature(line) for line in below.removesuffix("\n").split("\n")]


def _signature(line: str) -> tuple[str, bytes]:
    match = _SIGNATURE.fullmatch(line)
    if match is None:
        raise NoteRejected("a line below the text is no signature")
    marked = _from_base64(match[2])
    if len(marked) <= _KEY_HASH_BYTES:
        raise NoteRejected("a signature is not in base64, or none")
    return match[1], marked


def _key_parts(text: str) -> tuple[str, str, bytes]:
    parts = text.split("+", 2)  # the base64 may hold a plus, the name may not
    if len(parts) != 3 or not _NAME.fullmatch(parts[0]):
        raise NoteKeyRefused("expected name+hash+base64")
    raw = _from_base64(parts[2])
    if len(raw) != 33 or raw[:1] != _ED25519:
        raise NoteKeyRefused("the key is not 32 bytes for Ed25519 in base64")
    return parts[0], parts[1], raw[1:]


def _from_base64(text: str) -> bytes:
    """Decode base64 in its one spelling (unused bits are zero); anything else gives no bytes."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if base64.b64encode(raw).decode() == text else b""


def _has_other_characters(text: str) -> bool:
    """Tell whether a text has control characters but newlines, or what UTF-8 cannot write."""
    return any((character < " " and character != "\n") or "\ud800" <= character <= "\udfff" for character in text)
