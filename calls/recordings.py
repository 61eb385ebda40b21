"""Recordings that Telnyx itself made, as webhooks tell: saved or failed, from when to when (domain 8b).

The webhook of a conference recording names no leg; its row then belongs to the session alone.
"""

from collections.abc import Iterable, Iterator

from calls import instants, payloads
from calls.event import Event
from calls.instants import Instant
from calls.records import NativeRecording

SAVED = frozenset(("call.recording.saved", "conference.recording.saved"))
ERROR = "call.recording.error"
KINDS = SAVED | {ERROR}


def rows(
    events: Iterable[Event], call_session_id: str, call_leg_id: str | None, finality: str
) -> tuple[NativeRecording, ...]:
    """Give a row for each recording event; events in order, all of one leg or all without one."""
    told = (event for event in events if event.kind in KINDS)
    return tuple(_row(event, call_session_id, call_leg_id, finality, seq) for seq, event in enumerate(told, 1))


def _row(event: Event, call_session_id: str, call_leg_id: str | None, finality: str, seq: int) -> NativeRecording:
    assert event.occurred_at is not None, "the order holds timed events only"
    payload = event.payload
    started_at = instants.parse(payload.get("recording_started_at"))
    ended_at = instants.parse(payload.get("recording_ended_at"))
    return NativeRecording(
        call_session_id=call_session_id,
        finality=finality,
        positions=(event.position,),
        call_leg_id=call_leg_id,
        seq=seq,
        status="saved" if event.kind in SAVED else "error",
        occurred_at=event.occurred_at,
        started_at=started_at,
        ended_at=ended_at,
        channels=payloads.string(payload, "channels"),
        # The schema calls it reason; Telnyx's own example of the error says result.
        reason=payloads.string(payload, "reason") or payloads.string(payload, "result"),
        flags=tuple(_flags(event, call_leg_id, started_at, ended_at)),
    )


def _flags(
    event: Event, call_leg_id: str | None, started_at: Instant | None, ended_at: Instant | None
) -> Iterator[str]:
    if event.kind in SAVED and (started_at is None or ended_at is None or ended_at < started_at):
        yield "native_extent_unknown"
    if call_leg_id is None:
        yield "recording_without_leg"
