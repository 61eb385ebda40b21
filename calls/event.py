"""One stored event as the fold sees it, and the normal form of its type.

The fold reads nothing of how or when an event arrived; ``position`` is a label that lets a row name its
evidence, and ``received_at`` is read by ``history`` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calls.instants import Instant

RANKS: Mapping[str, int] = {
    "call.initiated": 0,
    "call.answered": 10,
    "call.bridged": 20,
    "siprec.started": 30,
    "call.refer.started": 40,
    "call.refer.completed": 45,
    "call.refer.failed": 46,
    "siprec.failed": 50,
    "siprec.stopped": 60,
    "call.hangup": 90,
    "call.recording.error": 94,
    "call.recording.saved": 95,
}
"""Causal rank at equal time: a start precedes its end (domain 8, 8b)."""

RANK_DEFAULT = 70


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a call.

    ``kind`` is ``event_type`` with aliases resolved (``call.siprec.started`` is ``siprec.started``).
    ``canonical`` is the canonical JSON of its ``data``: the last tie-break of the order, and what tells a
    repeated delivery from a conflict. ``occurred_at`` is None where the event gives no usable time.
    """

    position: int
    source: str
    event_id: str
    event_type: str
    kind: str
    occurred_at: Instant | None
    received_at: Instant
    call_session_id: str | None
    call_leg_id: str | None
    call_control_id: str | None
    connection_id: str | None
    payload: Mapping[str, Any]
    canonical: bytes


def order(event: Event) -> tuple[Instant, int, str, bytes]:
    """Key of the one order everything is read in: time, rank, event id, canonical data."""
    assert event.occurred_at is not None, "only timed events have a place in the order"
    rank = RANKS.get(event.kind, RANK_DEFAULT)
    return event.occurred_at, rank, event.event_id, event.canonical
