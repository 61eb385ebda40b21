"""Every event of a session in order, each with a sentence for people and what is odd about it."""

from collections.abc import Iterator, Mapping

from calls import catalogue, sentences
from calls.event import Event
from calls.evidence import Evidence
from calls.records import CallLeg, CallSession, TimelineEntry


def entries(evidence: Evidence, session: CallSession, legs: Mapping[str, CallLeg]) -> tuple[TimelineEntry, ...]:
    """Give an entry for each distinct event; those without a usable time come last."""
    told = {id(event) for event in evidence.facts}
    return tuple(
        TimelineEntry(
            call_session_id=session.call_session_id,
            finality=legs.get(event.call_leg_id or "", session).finality,
            positions=(event.position,),
            seq=seq,
            position=event.position,
            call_leg_id=event.call_leg_id,
            occurred_at=event.occurred_at,
            received_at=event.received_at,
            event_id=event.event_id,
            event_type=event.event_type,
            sentence=sentences.sentence(event),
            flags=tuple(_flags(event, evidence, repeated=id(event) not in told)),
        )
        for seq, event in enumerate(evidence.events, 1)
    )


def _flags(event: Event, evidence: Evidence, *, repeated: bool) -> Iterator[str]:
    """Give the flags of an event, sorted."""
    if event.event_type != event.kind:
        yield "aliased_type"
    if event.event_id in evidence.conflicts:
        yield "id_conflict"
    if repeated and event.occurred_at is not None:
        yield "semantic_duplicate"
    if event.kind not in catalogue.KNOWN:
        yield "unknown_type"
    if event.occurred_at is None:
        yield "untimed"
