"""SIPREC sessions of one leg, inferred from its webhooks, and the time they prove (domain 4, 8b).

The webhooks carry no session id: which start belongs to which end is read by ``calls.readings``, and what
time that proves by ``calls.proof``. How much of the call is covered, by which track, is left to coverage.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from calls import causes, proof, readings
from calls.cause_meanings import Cause
from calls.event import Event
from calls.instants import Instant
from calls.policy import Policy
from calls.proof import Proof
from calls.readings import Mark, Part
from calls.records import CallLeg, SiprecSession
from calls.spans import Span

STARTED = "siprec.started"
STOPPED = "siprec.stopped"
FAILED = "siprec.failed"
KINDS = (STARTED, STOPPED, FAILED)

TIMER_EXPIRY = 102
"""Q.850 "recovery on timer expiry": the recorder or the network had gone silent before the session ended."""

_MARKS: Mapping[str, Mark] = {STARTED: Mark.START, STOPPED: Mark.STOP, FAILED: Mark.FAILURE}
_CAUSE_FIELDS: Mapping[str, str] = {STOPPED: "hangup_cause", FAILED: "failure_cause"}


@dataclass(frozen=True, slots=True)
class Reading:
    """The SIPREC rows of a leg, and what time of the leg they prove to be recorded.

    ``review_at`` is always None: time alone changes a row only with the status or finality of its leg.
    """

    rows: tuple[SiprecSession, ...]
    proof: Proof
    review_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class _Session:
    """The events a row rests on, and the flags that other rows decide; a ``closing`` follows a failure."""

    start: Event | None
    end: Event | None
    closing: Event | None = None
    flags: tuple[str, ...] = ()

    @property
    def events(self) -> Iterator[Event]:
        return (event for event in (self.start, self.end, self.closing) if event)


def read(
    events: Iterable[Event],
    leg: CallLeg,
    as_of: Instant,  # noqa: ARG001 -- all row builders take it; here the leg's status already says what time did
    policy: Policy,
    starts_commanded: Iterable[Instant | None] = (),
) -> Reading:
    """Read the events of one leg, given in order and without duplicates; other kinds are passed over.

    ``starts_commanded`` are the times of the leg's ``siprec_start`` commands, None for one whose time is not
    known. The ``positions`` of a row are those of its SIPREC events: a session closed by the hangup rests on the
    hangup by way of its leg.
    """
    events = [event for event in events if event.kind in KINDS]
    marks = _marks(events, tuple(starts_commanded))
    inverted = _inverted(events, readings.first(marks), policy.skew_us)
    paired = {*inverted, *inverted.values()}
    rest = [index for index in range(len(events)) if index not in paired]
    upright = [events[index] for index in rest]
    upright_marks = [marks[index] for index in rest]
    parts = readings.first(upright_marks)
    over = leg.hangup_at is not None or leg.status == "stale"
    bounds = readings.bounds(upright_marks, over=over)
    proven = proof.prove([_time(event) for event in upright], parts, bounds, leg.answered_at, leg.hangup_at)
    sessions = [_Session(events[i], events[j], flags=("clock_skew",)) for i, j in inverted.items()]
    sessions.extend(_sessions(upright, parts, bounds.doubted))
    place = {id(event): index for index, event in enumerate(events)}
    sessions.sort(key=lambda each: place[id(next(each.events))])
    rows = tuple(_row(each, leg, seq, proven.unknown) for seq, each in enumerate(sessions, 1))
    return Reading(rows, proven)


def _marks(events: Sequence[Event], commanded: Sequence[Instant | None]) -> list[Mark]:
    """Mark the events. A command after the last start claims the first failure after it (domain 8b).

    Of commands without a time only their number tells: what failed of more commands than starts were attempts.
    """
    marks: list[Mark] = []
    times = sorted(at for at in commanded if at is not None)
    untimed = len(commanded) - len(times)
    startless = untimed - sum(event.kind == STARTED for event in events)
    unanswered: deque[Instant] = deque()
    for event in events:
        at = _time(event)
        mark = _MARKS[event.kind]
        if mark is Mark.START:
            unanswered = deque(each for each in times if each > at)
        elif mark is Mark.FAILURE and unanswered and unanswered[0] <= at:
            unanswered.popleft()
            mark = Mark.ATTEMPT
        elif mark is Mark.FAILURE and startless > 0:
            startless -= 1
            mark = Mark.ATTEMPT
        marks.append(mark)
    return marks


def _inverted(events: Sequence[Event], parts: Sequence[Part], skew_us: int) -> dict[int, int]:
    """Give index of start -> index of stop for the sessions whose stop was stamped before their start.

    They are a startless stop and, at most the skew later, a start that nothing ends; the earliest pair first.
    Such starts come after all startless stops: a stop that finds a session open ends it.
    """
    ended = {part.ends for part in parts}
    unended = deque(i for i, part in enumerate(parts) if part.mark is Mark.START and i not in ended)
    pairs: dict[int, int] = {}
    for stop, part in enumerate(parts):
        if part.startless and unended and _time(events[unended[0]]) <= _time(events[stop]) + skew_us:
            pairs[unended.popleft()] = stop
    return pairs


def _sessions(events: Sequence[Event], parts: Sequence[Part], doubted: frozenset[int]) -> Iterator[_Session]:
    """Give the sessions and failed attempts of the first reading; every event belongs to one of them."""
    end_of = {part.ends: index for index, part in enumerate(parts) if part.ends is not None}
    closing_of = {part.closes: events[index] for index, part in enumerate(parts) if part.closes is not None}
    for index, part in enumerate(parts):
        if part.mark is Mark.START:
            end = end_of.get(index)
            amid = ("overlaps_open_session",) if part.amid else ()
            doubt = ("end_in_doubt",) if end in doubted else ()
            ended_by = None if end is None else events[end]
            yield _Session(events[index], ended_by, closing_of.get(index), (*amid, *doubt))
        elif part.ends is None and part.closes is None:
            # A stop that comes to this found nothing open.
            yield _Session(None, events[index], flags=("attempt_during_open_session",) if part.amid else ())


def _row(session: _Session, leg: CallLeg, seq: int, unknown: Iterable[Span]) -> SiprecSession:
    status = _status(session, leg)
    started_at = session.start and _time(session.start)
    ended_at = _ended_at(session, leg.hangup_at)
    duration_us = 0 if status == "failed" else None
    if started_at is not None and ended_at is not None:
        duration_us = ended_at - started_at
    cause = _cause(session.end)
    return SiprecSession(
        call_session_id=leg.call_session_id,
        finality=leg.finality,
        positions=tuple(sorted(event.position for event in session.events)),
        call_leg_id=leg.call_leg_id,
        seq=seq,
        connection_id=leg.connection_id,
        status=status,
        started_at=started_at,
        ended_at=ended_at,
        duration_us=duration_us,
        duration_ms=None if duration_us is None else duration_us // 1000,
        end_evidence="call.hangup" if status == "closed_by_hangup" else session.end and session.end.kind,
        cause_raw=cause and cause.raw,
        cause_form=cause and cause.form,
        cause_namespace=cause and cause.namespace,
        cause_name=cause and cause.name,
        cause_q850=cause and cause.q850_code,
        cause_fault_domain=cause and cause.fault_domain,
        flags=tuple(sorted({*session.flags, *_flags(session, leg, cause, unknown)})),
    )


def _status(session: _Session, leg: CallLeg) -> str:
    if session.end is None:
        if leg.hangup_at is not None:
            return "closed_by_hangup"
        return "stale_open" if leg.status == "stale" else "open"
    if session.end.kind == STOPPED:
        return "stopped" if session.start else "stopped_without_start"
    return "failed_midway" if session.start else "failed"


def _ended_at(session: _Session, hangup_at: Instant | None) -> Instant | None:
    """Give when a session ended: never before its start, whatever the stamps say."""
    ended_at = _time(session.end) if session.end else hangup_at
    if session.start is None or ended_at is None:
        return ended_at
    return max(ended_at, _time(session.start))


def _cause(end: Event | None) -> Cause | None:
    return causes.normalise(end.payload.get(_CAUSE_FIELDS[end.kind])) if end else None


def _flags(session: _Session, leg: CallLeg, cause: Cause | None, unknown: Iterable[Span]) -> Iterator[str]:
    """Give the flags that follow from the row itself and its leg."""
    start, end, hangup_at = session.start, session.end, leg.hangup_at
    if start and leg.answered_at is not None and _time(start) < leg.answered_at:
        yield "pre_answer_start"
    if start and hangup_at is not None and _time(start) > hangup_at:
        yield "start_after_hangup"
    if start and not end and hangup_at is not None:
        yield "stop_missing"
        if any(until > _time(start) for _, until in unknown):
            yield "tail_unknown"
    if end and end.kind == STOPPED:
        if not start:
            yield "start_missing"
        if hangup_at is not None and _time(end) > hangup_at:
            yield "stop_after_hangup"
    if cause and (cause.name == "MEDIA_TIMEOUT" or cause.q850_code == TIMER_EXPIRY):
        yield "media_lost_before_end"


def _time(event: Event) -> Instant:
    assert event.occurred_at is not None, "the order holds timed events only"
    return event.occurred_at
