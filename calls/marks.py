"""Small things that happen on a leg: key presses (how many, never which), changes of its ``client_state``."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from calls import payloads
from calls.event import Event
from calls.instants import Instant
from calls.records import CallLeg, ClientState, Dtmf

DIGITS_FIELD = {"call.dtmf.received": "digit", "call.gather.ended": "digits"}
"""Event kind -> the payload field that holds the digits, masked to their length before they were stored."""


def dtmf(events: Iterable[Event], leg: CallLeg) -> tuple[Dtmf, ...]:
    """Give a row for each event of the leg that reports digits; events in order."""
    presses = (event for event in events if event.kind in DIGITS_FIELD)
    return tuple(
        Dtmf(
            call_session_id=leg.call_session_id,
            finality=leg.finality,
            positions=(event.position,),
            call_leg_id=leg.call_leg_id,
            seq=seq,
            occurred_at=_time(event),
            event_type=event.kind,
            digit_count=_digit_count(event),
            status=payloads.string(event.payload, "status"),
        )
        for seq, event in enumerate(presses, 1)
    )


def client_states(events: Iterable[Event], leg: CallLeg) -> tuple[ClientState, ...]:
    """Give a row for each change of the leg's client_state, which is empty to begin with; events in order."""
    runs = (next(run) for _, run in groupby(_states(events), key=lambda state: state[0]))
    changes = (change for index, change in enumerate(runs) if index or change[0] is not None)
    return tuple(
        ClientState(
            call_session_id=leg.call_session_id,
            finality=leg.finality,
            positions=(event.position,),
            call_leg_id=leg.call_leg_id,
            seq=seq,
            first_seen_at=_time(event),
            value=value,
        )
        for seq, (value, event) in enumerate(changes, 1)
    )


def _states(events: Iterable[Event]) -> Iterator[tuple[str | None, Event]]:
    """Read what each event states; one without the key states nothing, null and "" state that it is empty."""
    for event in events:
        if "client_state" in event.payload:
            yield payloads.text(event.payload["client_state"]) or None, event


def _digit_count(event: Event) -> int | None:
    digits = event.payload.get(DIGITS_FIELD[event.kind])
    return len(digits) if isinstance(digits, str) else None


def _time(event: Event) -> Instant:
    assert event.occurred_at is not None, "the order holds timed events only"
    return event.occurred_at
