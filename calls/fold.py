"""The fold: the events of one session become its rows. What a call record says is computed here or below.

A pure function of the set of events, ``as_of``, the policy, and what came beside the events: it owes nothing to
the order in which events arrived or to how often they did. ``as_of`` is a clock only and removes no event.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from calls import (
    circumstances,
    conversations,
    coverage,
    evidence,
    history,
    legs,
    marks,
    recordings,
    refer,
    sessions,
    siprec,
    timeline,
    tracks,
)
from calls import commands as sent
from calls.circumstances import Circumstances, Command, DetailRecord
from calls.event import RANKS, Event
from calls.evidence import Evidence
from calls.instants import Instant
from calls.policy import DEFAULT, Judge, Judgement, Policy
from calls.proof import Proof
from calls.records import CallLeg, CallRecord, NativeRecording
from calls.spans import Span


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a record that is about one leg, and what its coverage rests on beside it."""

    rows: CallRecord
    leg: CallLeg
    judged: Judgement
    positions: tuple[int, ...]
    proof: Proof
    heard: tuple[Instant, ...]


def fold(  # noqa: PLR0913 -- what the record is a function of, each by its name
    events: Iterable[Event],
    as_of: Instant,
    policy: Judge = DEFAULT,
    *,
    outages: Sequence[Span] = (),
    commands: Sequence[Command] = (),
    reconciliation: Sequence[DetailRecord] = (),
) -> CallRecord:
    """Fold the events of one session into its rows as they stand at ``as_of``.

    Each leg is judged as ``policy`` says. ``outages`` are the stretches in which no webhook could be taken,
    ``commands`` those sent for the session's legs, ``reconciliation`` the provider's own records of them.
    The record stays the same from ``as_of`` up to its ``review_at``, exclusive; for ever where that is None.
    """
    record, _ = _folded(tuple(events), as_of, policy, (outages, commands, reconciliation))
    return record


def fold_with_history(  # noqa: PLR0913 -- as fold
    events: Iterable[Event],
    as_of: Instant,
    policy: Judge = DEFAULT,
    *,
    outages: Sequence[Span] = (),
    commands: Sequence[Command] = (),
    reconciliation: Sequence[DetailRecord] = (),
) -> CallRecord:
    """Fold, and fill in what depends on arrival: ``revision`` and ``revised_by`` of every row."""
    events = tuple(events)
    record, policies = _folded(events, as_of, policy, (outages, commands, reconciliation))
    return history.revise(record, history.history(events, policies))


def _folded(
    events: Sequence[Event],
    as_of: Instant,
    judge: Judge,
    given: tuple[Sequence[Span], Sequence[Command], Sequence[DetailRecord]],
) -> tuple[CallRecord, Mapping[str, Policy]]:
    """Fold what the provider said beside commands on record, and those by what the provider said since."""
    heard, said = sent.split(events)
    outages, commands, reconciliation = given
    told = sent.told(said, heard)
    beside = circumstances.gather(outages, [*commands, *sent.starts(told)], reconciliation)
    record, policies = _fold(evidence.sift(heard), as_of, judge, beside)
    if not said:
        return record, policies
    reading = sent.read(told, heard, record, as_of, policies)
    return replace(
        record,
        commands=reading.rows,
        timeline=timeline.with_commands(record, reading.rows, said),
        review_at=_earliest((record.review_at, reading.review_at)),
    ), policies


def _fold(
    sifted: Evidence, as_of: Instant, judge: Judge, beside: Circumstances
) -> tuple[CallRecord, Mapping[str, Policy]]:
    """Fold what was sifted; gives also the policy that each leg was judged by."""
    if not sifted.events:
        return CallRecord(), {}
    call_session_id = sessions.name(sifted)
    by_leg = _by_leg(sifted.facts)
    legless = by_leg.pop(None, [])
    parts = [
        _part(call_session_id, its, as_of, judge, beside.commands.get(leg_id, ()))
        for leg_id, its in by_leg.items()
        if leg_id
    ]
    call_legs = tuple(part.leg for part in parts)
    finality = sessions.finality(call_legs)
    loose = recordings.rows(legless, call_session_id, None, finality)
    covered = [coverage.read(_told(part, loose, beside), beside.outages) for part in parts]
    session = sessions.row(sifted, call_session_id, call_legs, loose)
    record = CallRecord(
        call_sessions=(session,),
        call_legs=call_legs,
        siprec_sessions=tuple(chain.from_iterable(part.rows.siprec_sessions for part in parts)),
        refer_attempts=tuple(chain.from_iterable(part.rows.refer_attempts for part in parts)),
        native_recordings=(*chain.from_iterable(part.rows.native_recordings for part in parts), *loose),
        coverage=tuple(each.row for each in covered),
        coverage_spans=tuple(chain.from_iterable(each.spans for each in covered)),
        session_coverage=(conversations.row(call_session_id, finality, covered),) if covered else (),
        dtmf=tuple(chain.from_iterable(part.rows.dtmf for part in parts)),
        client_states=tuple(chain.from_iterable(part.rows.client_states for part in parts)),
        timeline=timeline.entries(sifted, session, {leg.call_leg_id: leg for leg in call_legs}),
        review_at=_earliest(part.rows.review_at for part in parts),
    )
    return record, {part.leg.call_leg_id: part.judged.policy for part in parts}


def _part(
    call_session_id: str, events: Sequence[Event], as_of: Instant, judge: Judge, commands: Iterable[Command]
) -> _Part:
    """Read what is about one leg; the events all name it."""
    call_leg_id = events[0].call_leg_id or ""
    leg = legs.read(call_leg_id, events, call_session_id, as_of, judge)
    policy = leg.judged.policy
    transfers = [event for event in events if event.kind in refer.KINDS]
    refers = refer.read(transfers, leg.row, as_of, policy) if transfers else None
    recorded = [event for event in events if event.kind in siprec.KINDS]
    commanded = [command.at for command in tracks.starts(commands)]
    siprecs = siprec.read(recorded, leg.row, as_of, policy, commanded) if recorded else None
    rows = CallRecord(
        siprec_sessions=siprecs.rows if siprecs else (),
        refer_attempts=refers.rows if refers else (),
        native_recordings=recordings.rows(events, call_session_id, call_leg_id, leg.row.finality),
        dtmf=marks.dtmf(events, leg.row),
        client_states=marks.client_states(events, leg.row),
        review_at=_earliest(reading.review_at for reading in (leg, refers, siprecs) if reading),
    )
    return _Part(
        rows=rows,
        leg=leg.row,
        judged=leg.judged,
        positions=_positions(event for event in events if event.kind in RANKS) or leg.row.positions,
        proof=siprecs.proof if siprecs else Proof(),
        heard=tuple(event.occurred_at for event in recorded if event.occurred_at is not None),
    )


def _told(part: _Part, loose: Sequence[NativeRecording], beside: Circumstances) -> coverage.Told:
    call_leg_id = part.leg.call_leg_id
    saved = tuple(row for row in loose if row.status == "saved")
    return coverage.Told(
        leg=part.leg,
        judged=part.judged,
        positions=tuple(sorted({*part.positions, *chain.from_iterable(row.positions for row in saved)})),
        proof=part.proof,
        heard=part.heard,
        sessions=part.rows.siprec_sessions,
        natives=part.rows.native_recordings,
        legless=saved,
        refers=part.rows.refer_attempts,
        commands=beside.commands.get(call_leg_id, ()),
        records=beside.records.get(call_leg_id, ()),
    )


def _positions(events: Iterable[Event]) -> tuple[int, ...]:
    return tuple(sorted(event.position for event in events))


def _by_leg(events: Iterable[Event]) -> dict[str | None, list[Event]]:
    """Group events in order by leg; the legs come in the order of their first events."""
    by_leg: dict[str | None, list[Event]] = {}
    for event in events:
        by_leg.setdefault(event.call_leg_id or None, []).append(event)
    return by_leg


def _earliest(instants: Iterable[Instant | None]) -> Instant | None:
    return min((instant for instant in instants if instant is not None), default=None)
