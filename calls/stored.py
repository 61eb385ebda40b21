"""From a stored row back to the event the fold reads.

The body is decoded again: the log is what counts, not what was once read from it. Total, as ``envelope`` is.
"""

from calls import envelope
from calls.event import Event
from calls.instants import Instant


def event(position: int, source: str, received_at: Instant, body: bytes) -> Event:
    """Read one row of the log. An event that gives no id, or no type, has an empty one."""
    read = envelope.decode(body)
    return Event(
        position=position,
        source=source,
        event_id=read.event_id or "",
        event_type=read.event_type or "",
        kind=read.kind or "",
        occurred_at=read.occurred_at,
        received_at=received_at,
        call_session_id=read.call_session_id,
        call_leg_id=read.call_leg_id,
        call_control_id=read.call_control_id,
        connection_id=read.connection_id,
        payload=read.payload,
        canonical=read.canonical,
    )
