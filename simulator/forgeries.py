"""Deliveries that must be refused, and the reason a careful receiver gives.

Each looks like a genuine delivery but for one thing, so each tests one check. What they carry is an event of
the afternoon with an id of its own: were one taken in, the totals would show it.
"""

from collections.abc import Mapping
from enum import StrEnum

from calls.instants import SECOND, Instant
from simulator import signing
from simulator.signing import Key


class Forgery(StrEnum):
    """What is wrong with a delivery."""

    UNSIGNED = "unsigned"
    UNTIMED = "untimed"
    MISTIMED = "mistimed"  # milliseconds where seconds belong
    MANGLED = "mangled"
    FORGED = "forged"
    TAMPERED = "tampered"
    OLD = "old"
    FUTURE = "future"


REASONS: Mapping[Forgery, str] = {
    Forgery.UNSIGNED: "signature_missing",
    Forgery.UNTIMED: "timestamp_missing",
    Forgery.MISTIMED: "timestamp_malformed",
    Forgery.MANGLED: "signature_malformed",
    Forgery.FORGED: "signature_mismatch",
    Forgery.TAMPERED: "signature_mismatch",
    Forgery.OLD: "timestamp_outside_tolerance",
    Forgery.FUTURE: "timestamp_outside_tolerance",
}
"""The ``reason`` that each is refused with."""

_STRANGER = signing.key_from_seed("stranger")
_BEYOND_TOLERANCE_SECONDS = 600  # the tolerance is 300 s both ways


def timestamp(now: Instant, forgery: Forgery | None = None) -> str:
    """Write the timestamp header's text, shifted out of tolerance where that is the fault."""
    shift = {Forgery.OLD: -_BEYOND_TOLERANCE_SECONDS, Forgery.FUTURE: _BEYOND_TOLERANCE_SECONDS}
    seconds = now // SECOND + (shift.get(forgery, 0) if forgery else 0)
    return f"{seconds}000" if forgery is Forgery.MISTIMED else str(seconds)


def seal(key: Key, now: Instant, body: bytes, forgery: Forgery | None) -> tuple[dict[str, str], bytes]:
    """Give headers and body of a delivery, genuine where ``forgery`` is None."""
    stamp = timestamp(now, forgery)
    genuine = key.signature(stamp, body)
    match forgery:
        case Forgery.UNSIGNED:
            return signing.headers(stamp, None), body
        case Forgery.UNTIMED:
            return signing.headers(None, genuine), body
        case Forgery.MANGLED:
            return signing.headers(stamp, genuine[:-9] + "!"), body
        case Forgery.FORGED:
            return _STRANGER.sign(stamp, body), body
        case Forgery.TAMPERED:
            return signing.headers(stamp, genuine), body.replace(b'"attempt":1', b'"attempt":2', 1)
        case _:
            return signing.headers(stamp, genuine), body
