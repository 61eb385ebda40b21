"""What this machine has to check a log with: its keys, Telnyx's, the key of sealed bodies, spools. Makes none."""

from collections.abc import Callable, Sequence
from pathlib import Path

from nacl.exceptions import CryptoError

from callaudit.settings import Settings
from ingest import keys
from ingest.strongbox import Strongbox
from store import notes, signing, spool
from store.errors import SpoolUnavailable
from store.telnyx_keys import TelnyxKey


def folder(read: Settings) -> signing.Folder:
    """Give the folder of the log's key."""
    return signing.Folder(read.home / "keys")


def log_keys(read: Settings, given: Sequence[str] = ()) -> list[notes.Verifier]:
    """Give the log's public keys: those given, or else the one here. Raises NoteKeyRefused."""
    if given:
        return [notes.verifier(text) for text in given]
    own = folder(read).verifier()
    return [] if own is None else [own]


def telnyx_keys(setting: str, vouched_by: str) -> list[TelnyxKey]:
    """Read Telnyx's keys as settings and options give them. Raises KeyRefused."""
    if not setting.strip():
        return []
    return [TelnyxKey(key.key_id, key.label, bytes(key.verify_key), vouched_by) for key in keys.public_keys(setting)]


def telnyx_keys_given(setting: str) -> list[TelnyxKey]:
    """Read keys of Telnyx that a caller names. Raises KeyRefused, also for none: an empty variable opens no door."""
    return [TelnyxKey(key.key_id, key.label, bytes(key.verify_key), "option") for key in keys.public_keys(setting)]


def set_aside(read: Settings) -> int:
    """Count what spools of this home hold and the log will never take; a spool that cannot be read counts as one."""
    found = 0
    for each in spool.all_in(read.home / "spool"):
        try:
            found += each.contents().set_aside
        except SpoolUnavailable:
            found += 1
        each.close()
    return found


def opener(read: Settings) -> Callable[[bytes], bytes | None] | None:
    """Give what opens sealed bodies, if its key is here: None for what does not open."""
    path: Path = read.home / "keys" / "sealed_bodies.key"
    try:
        box = Strongbox(path.read_bytes())
    except (OSError, ValueError):
        return None

    def open_(sealed: bytes) -> bytes | None:
        try:
            return box.open(sealed)
        except (CryptoError, ValueError):
            return None

    return open_
