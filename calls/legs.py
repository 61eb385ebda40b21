"""One leg: when it was answered and ended, how, and whether more may still be heard of it (domain 8b "Legs").

A lost webhook is never read as a fact: an answer that may have been lost is ``ended_answer_unknown``,
a hangup that never came is ``stale``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

from calls import causes, milestones, payloads
from calls.cause_meanings import Cause
from calls.event import Event
from calls.instants import Instant
from calls.milestones import Milestones
from calls.policy import About, Judge, Judgement, Policy
from calls.records import CallLeg

T = TypeVar("T")
Payload: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """The row of a leg, the policy it is judged by, and the next instant at which time alone changes the row."""

    row: CallLeg
    judged: Judgement
    review_at: Instant | None


def read(call_leg_id: str, events: Sequence[Event], call_session_id: str, as_of: Instant, judge: Judge) -> Reading:
    """Read all events of one leg, at least one, given in order and without duplicates.

    It is judged by the policy in force when it was answered, else when it was first heard of.
    """
    seen = Milestones()
    for event in events:
        seen.see(event)
    about = _about(events)
    judged = judge.judge(about, events[0].occurred_at if seen.answered_at is None else seen.answered_at)
    final_at = seen.final_at(judged.policy)
    assert final_at is not None, "the order holds timed events only"
    final = as_of >= final_at
    row = _row(
        events, seen, judged.policy, about, call_leg_id=call_leg_id, call_session_id=call_session_id, final=final
    )
    return Reading(row, judged, None if final else final_at)


def _about(events: Sequence[Event]) -> About:
    said = _by_authority(events)
    said_payloads = [event.payload for event in said]
    return About(
        connection_id=_first(event.connection_id for event in said),
        direction=payloads.first_string(said_payloads, "direction"),
        from_number=payloads.first_string(said_payloads, "from"),
        to_number=payloads.first_string(said_payloads, "to"),
        tags=_first(_tags(event) for event in said) or (),
    )


def _row(  # noqa: PLR0913 -- the parts of one row, each computed once
    events: Sequence[Event],
    seen: Milestones,
    policy: Policy,
    about: About,
    *,
    call_leg_id: str,
    call_session_id: str,
    final: bool,
) -> CallLeg:
    hangup = next((event.payload for event in events if event.kind == milestones.HANGUP), None)
    cause = causes.normalise(_field(hangup, "hangup_cause"))
    talk_us = _talk_us(seen, policy)
    return CallLeg(
        call_session_id=call_session_id,
        finality="final" if final else "provisional",
        positions=tuple(sorted(event.position for event in events)),
        call_leg_id=call_leg_id,
        call_control_id=_first(event.call_control_id for event in _by_authority(events)),
        connection_id=about.connection_id,
        direction=about.direction,
        from_number=about.from_number,
        to_number=about.to_number,
        status=_status(seen, hangup, cause, final=final),
        initiated_at=seen.first.get(milestones.INITIATED),
        answered_at=seen.answered_at,
        bridged_at=seen.first.get(milestones.BRIDGED),
        hangup_at=seen.hangup_at(policy),
        answer_evidence=_answer_evidence(seen),
        talk_us=talk_us,
        talk_ms=None if talk_us is None else talk_us // 1000,
        hangup_cause=payloads.text(_field(hangup, "hangup_cause")),
        hangup_cause_name=cause.name,
        hangup_cause_q850=cause.q850_code,
        hangup_source=payloads.string(hangup or {}, "hangup_source"),
        sip_hangup_cause=payloads.text(_field(hangup, "sip_hangup_cause")),
        tags=about.tags,
        flags=tuple(sorted(_flags(events, seen, policy))),
    )


def _by_authority(events: Sequence[Event]) -> list[Event]:
    """Put call.initiated first: it describes the leg; later events may only repeat part of that."""
    return sorted(events, key=lambda event: event.kind != milestones.INITIATED)


def _field(payload: Payload | None, key: str) -> object:
    return payload.get(key) if payload else None


def _first(values: Iterator[T | None]) -> T | None:
    return next(filter(None, values), None)


def _tags(event: Event) -> tuple[str, ...]:
    tags: object = event.payload.get("tags")
    if not isinstance(tags, list):
        return ()
    return tuple(tag for tag in cast("list[object]", tags) if isinstance(tag, str))


def _talk_us(seen: Milestones, policy: Policy) -> int | None:
    answered_at, hangup_at = seen.answered_at, seen.hangup_at(policy)
    if answered_at is None or hangup_at is None or hangup_at < answered_at:
        return None
    return hangup_at - answered_at


def _status(seen: Milestones, hangup: Payload | None, cause: Cause, *, final: bool) -> str:
    answered = seen.answered_at is not None
    if hangup is None:
        return "stale" if final else "in_progress" if answered else "ringing"
    if answered:
        return "ended_answered"
    return "ended_answer_unknown" if _ended_well(hangup, cause) else "ended_unanswered"


def _ended_well(hangup: Payload, cause: Cause) -> bool:
    """Tell whether a hangup reads as that of an answered call: then the answer may have been lost."""
    sip = causes.normalise(hangup.get("sip_hangup_cause"), sip_field=True)
    return cause.name == "NORMAL_CLEARING" and sip.sip_status == 200


def _answer_evidence(seen: Milestones) -> str | None:
    if milestones.ANSWERED in seen.first:
        return "webhook"
    return "inferred_from_bridged" if milestones.BRIDGED in seen.first else None


def _flags(events: Sequence[Event], seen: Milestones, policy: Policy) -> Iterator[str]:
    if milestones.INITIATED not in seen.first:
        yield "initiated_missing"
    if len({event.occurred_at for event in events if event.kind == milestones.ANSWERED}) > 1:
        yield "multiple_answered"
    if sum(event.kind == milestones.HANGUP for event in events) > 1:
        yield "multiple_hangups"
    if seen.inversion_us:
        yield "clock_skew" if seen.inversion_us <= policy.skew_us else "clock_anomaly"
