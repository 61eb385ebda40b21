"""Every event of a session in order, each with a sentence for people and what is odd about it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from calls import catalogue, sentences
from calls.event import Event
from calls.evidence import Evidence
from calls.records import CallLeg, CallRecord, CallSession, SentCommand, TimelineEntry

LAST: Final = 2**31


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


def with_commands(
    record: CallRecord, commands: Iterable[SentCommand], said: Iterable[Event]
) -> tuple[TimelineEntry, ...]:
    """Put what the gateway said of commands between the events of a call, in order of time."""
    of = {each.command_id: each for each in commands}
    finality = record.call_sessions[0].finality if record.call_sessions else "provisional"
    told = {(event.event_id, event.canonical): event for event in sorted(said, key=lambda event: -event.position)}
    added = [_of_command(event, of[named], finality) for event in told.values() if (named := _named(event)) in of]
    placed = sorted((*record.timeline, *added), key=_place)
    return tuple(replace(entry, seq=seq) for seq, entry in enumerate(placed, 1))


def _named(event: Event) -> str:
    named = event.payload.get("command_id")
    return named if isinstance(named, str) else ""


def _of_command(event: Event, command: SentCommand, finality: str) -> TimelineEntry:
    return TimelineEntry(
        call_session_id=command.call_session_id,
        finality=finality,
        positions=(event.position,),
        seq=0,
        position=event.position,
        call_leg_id=command.call_leg_id,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        event_id=event.event_id,
        event_type=event.event_type,
        sentence=sentences.sentence(event),
        flags=(),
    )


def _place(entry: TimelineEntry) -> tuple[bool, int, int, int]:
    """Keep the order that events have, and put commands behind what has the same time, as they were stored."""
    return entry.occurred_at is None, entry.occurred_at or 0, entry.seq or LAST, entry.position


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
