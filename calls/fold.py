"""The fold: the events of one session become its rows. What a call record says is computed here or below.

A pure function of the set of events, ``as_of`` and the policy: it owes nothing to the order in which events
arrived or to how often they did. ``as_of`` is a clock only and removes no event.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

from calls import evidence, history, legs, marks, recordings, refer, sessions, siprec, timeline
from calls.event import Event
from calls.instants import Instant
from calls.policy import DEFAULT, Policy
from calls.records import CallRecord


def fold(events: Iterable[Event], as_of: Instant, policy: Policy = DEFAULT) -> CallRecord:
    """Fold the events of one session into its rows as they stand at ``as_of``.

    The record stays the same from ``as_of`` up to its ``review_at``, exclusive; for ever where that is None.
    """
    sifted = evidence.sift(events)
    if not sifted.events:
        return CallRecord()
    call_session_id = sessions.name(sifted)
    by_leg = _by_leg(sifted.facts)
    legless = by_leg.pop(None, [])
    parts = [_leg(leg_id, its, call_session_id, as_of, policy) for leg_id, its in by_leg.items() if leg_id]
    call_legs = tuple(leg for part in parts for leg in part.call_legs)
    loose = recordings.rows(legless, call_session_id, None, sessions.finality(call_legs))
    session = sessions.row(sifted, call_session_id, call_legs, loose)
    return CallRecord(
        call_sessions=(session,),
        call_legs=call_legs,
        siprec_sessions=tuple(chain.from_iterable(part.siprec_sessions for part in parts)),
        refer_attempts=tuple(chain.from_iterable(part.refer_attempts for part in parts)),
        native_recordings=(*chain.from_iterable(part.native_recordings for part in parts), *loose),
        dtmf=tuple(chain.from_iterable(part.dtmf for part in parts)),
        client_states=tuple(chain.from_iterable(part.client_states for part in parts)),
        timeline=timeline.entries(sifted, session, {leg.call_leg_id: leg for leg in call_legs}),
        review_at=_earliest(part.review_at for part in parts),
    )


def fold_with_history(events: Iterable[Event], as_of: Instant, policy: Policy = DEFAULT) -> CallRecord:
    """Fold, and fill in what depends on arrival: ``revision`` and ``revised_by`` of every row."""
    events = tuple(events)
    return history.revise(fold(events, as_of, policy), history.history(events, policy))


def _leg(call_leg_id: str, events: Sequence[Event], call_session_id: str, as_of: Instant, policy: Policy) -> CallRecord:
    """Give the part of a record that is about one leg."""
    leg = legs.read(call_leg_id, events, call_session_id, as_of, policy)
    transfers = [event for event in events if event.kind in refer.KINDS]
    refers = refer.read(transfers, leg.row, as_of, policy) if transfers else None
    recorded = [event for event in events if event.kind in siprec.KINDS]
    siprecs = siprec.read(recorded, leg.row, as_of, policy) if recorded else None
    return CallRecord(
        call_legs=(leg.row,),
        siprec_sessions=siprecs.rows if siprecs else (),
        refer_attempts=refers.rows if refers else (),
        native_recordings=recordings.rows(events, call_session_id, call_leg_id, leg.row.finality),
        dtmf=marks.dtmf(events, leg.row),
        client_states=marks.client_states(events, leg.row),
        review_at=_earliest(reading.review_at for reading in (leg, refers, siprecs) if reading),
    )


def _by_leg(events: Iterable[Event]) -> dict[str | None, list[Event]]:
    """Group events in order by leg; the legs come in the order of their first events."""
    by_leg: dict[str | None, list[Event]] = {}
    for event in events:
        by_leg.setdefault(event.call_leg_id or None, []).append(event)
    return by_leg


def _earliest(instants: Iterable[Instant | None]) -> Instant | None:
    return min((instant for instant in instants if instant is not None), default=None)
