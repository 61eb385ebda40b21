"""The leaf: a fixed encoding of everything a log row claims; ``merkle.leaf_hash`` hashes it.

Version 1 is ``callaudit/leaf/v1`` and then, each preceded by its length (4 bytes, big endian; FFFFFFFF for null):
source, event_type, event_id, occurred_at, received_at, call_session_id, call_leg_id, call_control_id,
connection_id, signed_timestamp, key_id, quarantined, masked, commitment. Texts are UTF-8, instants decimal
microseconds since 1970, masked is ``1`` or ``0``. The commitment is HMAC-SHA-256 with the row's salt over the
length-prefixed body and signature: who holds only the hash learns nothing of them, not even by guessing.

The position is not in it (it is the leaf's index), nor the body itself: so a body can be erased and every proof
still holds.
"""

import hmac

from store.entry import Entry

VERSION = b"callaudit/leaf/v1"
NULL = b"\xff\xff\xff\xff"
SALT_BYTES = 16


def encode(entry: Entry, salt: bytes) -> bytes:
    """Give the leaf of an entry."""
    return VERSION + b"".join(
        (
            _text(entry.source),
            _text(entry.event_type),
            _text(entry.event_id),
            _number(entry.occurred_us),
            _number(entry.received_us),
            _text(entry.call_session_id),
            _text(entry.call_leg_id),
            _text(entry.call_control_id),
            _text(entry.connection_id),
            _text(entry.signed_timestamp),
            _text(entry.key_id),
            _text(entry.quarantined),
            _prefixed(b"1" if entry.masked else b"0"),
            _prefixed(commitment(entry.body, entry.signature, salt)),
        )
    )


def commitment(body: bytes, signature: bytes | None, salt: bytes) -> bytes:
    """Commit to a body and its signature without telling them."""
    return hmac.digest(salt, _prefixed(body) + _prefixed(signature), "sha256")


def _prefixed(value: bytes | None) -> bytes:
    return NULL if value is None else len(value).to_bytes(4, "big") + value


def _text(value: str | None) -> bytes:
    return NULL if value is None else _prefixed(value.encode())


def _number(value: int | None) -> bytes:
    return NULL if value is None else _prefixed(b"%d" % value)
