"""Telnyx's public keys: which are trusted, from when to when, and the system events that put them on the record.

A setting names them: ``[label=]key[@from/to]`` items, separated by commas. A key counts for deliveries that were
signed in its window, so that an old one and its successor can both stand there before, during and after the change.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from nacl.signing import VerifyKey

from calls import instants
from ingest.errors import KeyRefused
from store import system
from store.entry import Entry

_CONFIGURED = re.compile(r"(?:(?P<label>[A-Za-z0-9_.-]+)=)?(?P<key>[A-Za-z0-9+/]{43}=)(?:@(?P<window>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One of Telnyx's public keys. ``key_id`` is the SHA-256 of its 32 bytes, in hex.

    Its window is half-open, microseconds since 1970; None: no such end.
    """

    label: str
    key_id: str
    verify_key: VerifyKey
    valid_from: instants.Instant | None = None
    valid_to: instants.Instant | None = None

    def in_force(self, signed: instants.Instant) -> bool:
        """Tell whether it counts for what was signed then."""
        began = self.valid_from is None or self.valid_from <= signed
        return began and (self.valid_to is None or signed < self.valid_to)


def public_keys(setting: str) -> tuple[PublicKey, ...]:
    """Read ``[label=]base64key[@from/to]`` items separated by commas. Raises KeyRefused, saying which and why."""
    items = [item.strip() for item in setting.split(",") if item.strip()]
    if not items:
        raise KeyRefused("TELNYX_PUBLIC_KEY is not set: without a key no webhook can be verified")
    return tuple(_public_key(item, number) for number, item in enumerate(items, start=1))


def trusted_events(keys: Sequence[PublicKey], now_us: instants.Instant) -> list[Entry]:
    """Give the events that say whom this server trusts: with them the log alone is enough to check its signatures.

    Nothing in them depends on ``now_us``: equal keys make equal events, which the log stores once.
    """
    return [system.event(system.KEY_TRUSTED, _said(key), now_us) for key in keys]


def _said(key: PublicKey) -> dict[str, str | None]:
    return {
        "key_id": key.key_id,
        "public_key": base64.b64encode(bytes(key.verify_key)).decode(),
        "label": key.label,
        "valid_from": None if key.valid_from is None else instants.to_text(key.valid_from),
        "valid_to": None if key.valid_to is None else instants.to_text(key.valid_to),
    }


def _public_key(item: str, number: int) -> PublicKey:
    match = _CONFIGURED.fullmatch(item)
    if match is None:
        raise KeyRefused(
            f"TELNYX_PUBLIC_KEY, item {number}: expected [label=]key[@from/to], the key 32 bytes in base64"
        )
    raw = base64.b64decode(match["key"], validate=True)
    label = match["label"] or f"key{number}"
    valid_from, valid_to = _window(match["window"], number)
    return PublicKey(label, sha256(raw).hexdigest(), VerifyKey(raw), valid_from, valid_to)


def _window(text: str | None, number: int) -> tuple[instants.Instant | None, instants.Instant | None]:
    if text is None:
        return None, None
    began, slash, ended = (part.strip() for part in text.partition("/"))
    ends = tuple(instants.parse_day_or_instant(end) if end else None for end in (began, ended))
    if not slash or any(given and end is None for given, end in zip((began, ended), ends, strict=True)):
        raise KeyRefused(
            f"TELNYX_PUBLIC_KEY, item {number}: expected its window as from/to, each a day (from its midnight in UTC) "
            "or an ISO 8601 instant with its offset, or nothing"
        )
    valid_from, valid_to = ends
    if valid_from is not None and valid_to is not None and valid_from >= valid_to:
        raise KeyRefused(f"TELNYX_PUBLIC_KEY, item {number}: its window ends before it begins")
    return valid_from, valid_to
