"""How often what was final had to be revised (domain 8 rule 4): the one thing that depends on arrival.

The fold owes nothing to it; ``history`` replays it, and ``revise`` writes the result into the fold's rows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from calls import evidence, recordings
from calls.event import RANKS, Event
from calls.instants import Instant
from calls.milestones import Milestones
from calls.policy import DEFAULT, Policy
from calls.records import TABLES, CallRecord, Row

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Revision:
    """How often the rows of a leg were revised after they had been final.

    ``revision`` counts from 1. ``revised_by`` is the id of the event that caused the latest revision and
    ``revised_position`` its log position; None before the first. ``first_final_at`` is when the rows became
    final for the first time, or will if nothing more arrives; None where no event of the leg has a time.
    """

    revision: int = 1
    revised_by: str | None = None
    revised_position: int | None = None
    first_final_at: Instant | None = None


@dataclass(slots=True)
class _Leg:
    milestones: Milestones = field(default_factory=Milestones)
    revisions: list[Event] = field(default_factory=list[Event])
    first_final_at: Instant | None = None
    was_final: bool = False

    def revision(self) -> Revision:
        latest = self.revisions[-1] if self.revisions else None
        return Revision(
            revision=1 + len(self.revisions),
            revised_by=latest and latest.event_id,
            revised_position=latest and latest.position,
            first_final_at=self.first_final_at,
        )


def history(events: Iterable[Event], policies: Mapping[str, Policy] | None = None) -> Mapping[str, Revision]:
    """Replay the events of a session in the order in which they were stored; one Revision a call_leg_id.

    ``policies`` are those the legs are judged by, by call_leg_id; the default where one is not named.
    A leg is revised by each event about it that tells something new, has a rank in the causal order, and was
    received when the leg was final by all that had arrived before it. A recording that names no leg is about all.
    """
    policies = policies or {}
    legs: dict[str, _Leg] = {}
    stored: set[tuple[str, bytes]] = set()
    told_by: dict[object, str] = {}
    for event in sorted(events, key=lambda event: event.position):
        if (event.event_id, event.canonical) in stored:
            continue
        stored.add((event.event_id, event.canonical))
        if event.call_leg_id is None:
            _tell_all(event, legs, policies)
            continue
        leg = legs.setdefault(event.call_leg_id, _Leg())
        if event.occurred_at is not None:
            new = told_by.setdefault(evidence.fact(event), event.event_id) == event.event_id
            _arrive(event, leg, policies.get(event.call_leg_id, DEFAULT), tells=new and event.kind in RANKS)
    return {call_leg_id: leg.revision() for call_leg_id, leg in legs.items()}


def _tell_all(event: Event, legs: Mapping[str, _Leg], policies: Mapping[str, Policy]) -> None:
    """Let a recording that names no leg revise all that were final: it may be of any."""
    if event.kind not in recordings.KINDS or event.occurred_at is None:
        return
    for call_leg_id, leg in legs.items():
        final_at = leg.milestones.final_at(policies.get(call_leg_id, DEFAULT))
        if final_at is not None and event.received_at >= final_at:
            leg.was_final = True
            leg.revisions.append(event)


def _arrive(event: Event, leg: _Leg, policy: Policy, *, tells: bool) -> None:
    """Let one timed event reach a leg."""
    final_at = leg.milestones.final_at(policy)
    if final_at is not None and event.received_at >= final_at:
        leg.was_final = True
        if tells:
            leg.revisions.append(event)
    leg.milestones.see(event)
    final_at = leg.milestones.final_at(policy)
    if not leg.was_final and final_at is not None:
        # A hangup that arrives after its own grace makes the leg final on arrival, not before.
        leg.first_final_at = max(final_at, event.received_at)


def revise(record: CallRecord, revisions: Mapping[str, Revision]) -> CallRecord:
    """Fill ``revision`` and ``revised_by`` into the rows of a record.

    A row of a leg has those of the leg; a row of the session has the sum over its legs, and the latest cause.
    """
    revised = [each for each in revisions.values() if each.revised_position is not None]
    if not revised:
        return record
    latest = max(revised, key=lambda each: each.revised_position or 0)
    session = replace(latest, revision=1 + sum(each.revision - 1 for each in revised))
    tables = {table: tuple(_revised(row, revisions, session) for row in getattr(record, table)) for table in TABLES}
    return replace(record, **tables)


def _revised(row: R, revisions: Mapping[str, Revision], session: Revision) -> R:
    leg_id: str | None = getattr(row, "call_leg_id", None)
    its = session if leg_id is None else revisions[leg_id]
    return replace(row, revision=its.revision, revised_by=its.revised_by)
