"""Checkpoints (C2SP tlog-checkpoint): how large a log's tree is and what its root is, as a signed note."""

import base64
import binascii
import re
from dataclasses import dataclass

from store import merkle, notes
from store.notes import NoteRejected

_SIZE = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)
SIZE_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: ``origin`` names the log, ``size`` counts its leaves."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(checkpoint: Checkpoint, key: notes.Signer) -> str:
    """Give the signed note."""
    return key.sign(checkpoint.text)


def open_(note: str, key: notes.Verifier) -> Checkpoint:
    """Read a checkpoint that the key signed for its own log. Raises NoteRejected, for any text."""
    found = parse(notes.open_(note, key))
    if found.origin != key.name:
        raise NoteRejected(f"it is a checkpoint of {found.origin}, not of {key.name}")
    return found


def unverified(note: str) -> Checkpoint:
    """Read a checkpoint whoever signed it: not to be believed. Raises NoteRejected, for any text."""
    return parse(notes.text_of(note))


def parse(text: str) -> Checkpoint:
    """Read a checkpoint's text; lines after the third are left aside. Raises NoteRejected."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines) or not _SIZE.fullmatch(lines[1]) or int(lines[1]) > SIZE_MAX:
        raise NoteRejected("no checkpoint: expected origin, size and root on a line each")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except (binascii.Error, ValueError):
        root = b""
    if len(root) != merkle.HASH_BYTES or base64.b64encode(root).decode() != lines[2]:
        raise NoteRejected("a checkpoint's root is 32 bytes in base64")
    return Checkpoint(lines[0], int(lines[1]), root)
