"""One call session: what its legs add up to."""

from collections.abc import Iterator, Sequence

from calls.evidence import Evidence
from calls.instants import Instant
from calls.records import CallLeg, CallSession, NativeRecording

_ALIVE = frozenset(("ringing", "in_progress"))


def name(evidence: Evidence) -> str:
    """Give the session id of the first event that has one, else the leg id; empty where neither is named."""
    session_ids = (event.call_session_id for event in evidence.events if event.call_session_id)
    leg_ids = (event.call_leg_id for event in evidence.events if event.call_leg_id)
    return next(session_ids, None) or next(leg_ids, "")


def row(
    evidence: Evidence, call_session_id: str, legs: Sequence[CallLeg], legless: Sequence[NativeRecording]
) -> CallSession:
    """Give the row of a session from those of its legs, in the order in which they began."""
    return CallSession(
        call_session_id=call_session_id,
        finality=finality(legs),
        positions=tuple(sorted(event.position for event in evidence.events)),
        legs=len(legs),
        answered_legs=sum(leg.answered_at is not None for leg in legs),
        connection_id=next((leg.connection_id for leg in legs if leg.connection_id), None),
        direction=next((leg.direction for leg in legs if leg.direction), None),
        from_number=next((leg.from_number for leg in legs if leg.from_number), None),
        to_number=next((leg.to_number for leg in legs if leg.to_number), None),
        status=_status(legs),
        started_at=_started_at(evidence, legs),
        ended_at=_ended_at(legs),
        events=len(evidence.events),
        flags=tuple(_flags(evidence, legless)),
    )


def finality(legs: Sequence[CallLeg]) -> str:
    """Give ``final`` when every leg is; a session of which no leg was heard is never final."""
    return "final" if legs and all(leg.finality == "final" for leg in legs) else "provisional"


def _status(legs: Sequence[CallLeg]) -> str:
    """Give the state of the liveliest leg: one alive, else one that went silent, else the end of all."""
    statuses = {leg.status for leg in legs}
    if statuses & _ALIVE:
        return "in_progress" if any(leg.answered_at is not None for leg in legs) else "ringing"
    if "stale" in statuses:
        return "stale"
    return "ended" if legs else "unknown"


def _started_at(evidence: Evidence, legs: Sequence[CallLeg]) -> Instant | None:
    """Give the earliest call.initiated of a leg, else the earliest answer, else the earliest event."""
    initiated = [leg.initiated_at for leg in legs if leg.initiated_at is not None]
    answered = [leg.answered_at for leg in legs if leg.answered_at is not None]
    first = evidence.facts[0].occurred_at if evidence.facts else None
    return min(initiated or answered, default=first)


def _ended_at(legs: Sequence[CallLeg]) -> Instant | None:
    ended = [leg.hangup_at for leg in legs if leg.hangup_at is not None]
    return max(ended, default=None) if len(ended) == len(legs) else None


def _flags(evidence: Evidence, legless: Sequence[NativeRecording]) -> Iterator[str]:
    """Give the flags of a session, sorted."""
    if evidence.conflicts:
        yield "id_conflict"
    if legless:
        yield "recording_without_leg"
    if not any(event.call_session_id for event in evidence.events):
        yield "session_missing"
