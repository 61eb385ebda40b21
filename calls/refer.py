"""SIP REFER attempts of one leg: which result belongs to which start, and what came of each (domain 3, 8b).

The webhooks carry no attempt id: starts and results are paired by ``client_state`` where that is
unmistakable, else by time. An attempt without a result is never read as a failure.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from calls import pairing, payloads
from calls.event import Event, order
from calls.instants import Instant
from calls.policy import Policy
from calls.records import CallLeg, ReferAttempt

STARTED = "call.refer.started"
COMPLETED = "call.refer.completed"
FAILED = "call.refer.failed"
KINDS = (STARTED, COMPLETED, FAILED)

_FAILED_OUTCOMES: Mapping[int, str] = {
    **dict.fromkeys((401, 402, 403, 407), "target_forbidden"),
    **dict.fromkeys((404, 410, 484, 485, 604), "target_not_found"),
    **dict.fromkeys((405, 406, 415, 420, 488, 501, 606), "not_supported"),
    **dict.fromkeys((408, 480, 504), "target_no_answer_or_timeout"),
    **dict.fromkeys((486, 600), "target_busy"),
    481: "dialog_lost",
    487: "cancelled",
    603: "declined",
}
_FAILED_CLASSES: Mapping[int, str] = {
    3: "redirected",
    4: "rejected_other",
    5: "target_or_network_error",
    6: "rejected_global",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """The REFER rows of a leg, and the next instant at which time alone changes one of them."""

    rows: tuple[ReferAttempt, ...]
    review_at: Instant | None


@dataclass(slots=True)
class _Attempt:
    start: Event | None
    terminal: Event | None = None
    progress: list[Event] = field(default_factory=list[Event])
    contradicting: list[Event] = field(default_factory=list[Event])

    @property
    def events(self) -> Iterator[Event]:
        yield from (event for event in (self.start, self.terminal) if event)
        yield from self.progress
        yield from self.contradicting


@dataclass(frozen=True, slots=True)
class _Verdict:
    outcome: str
    flags: tuple[str, ...] = ()
    review_at: Instant | None = None


def read(events: Sequence[Event], leg: CallLeg, as_of: Instant, policy: Policy) -> Reading:
    """Read the events of one leg that are of ``KINDS``, given in order and without duplicates."""
    attempts = _attempts(events, policy.skew_us)
    last_start = max((order(each.start) for each in attempts if each.start), default=None)
    rows: list[ReferAttempt] = []
    reviews: list[Instant] = []
    for seq, attempt in enumerate(attempts, 1):
        superseded = attempt.start is not None and order(attempt.start) != last_start
        verdict = _verdict(attempt, leg.hangup_at, as_of, policy, superseded=superseded)
        rows.append(_row(attempt, verdict, leg, seq))
        if verdict.review_at is not None:
            reviews.append(verdict.review_at)
    return Reading(tuple(rows), min(reviews, default=None))


def _attempts(events: Sequence[Event], skew_us: int) -> list[_Attempt]:
    """Pair the events into attempts, numbered by start, else by terminal."""
    started, progress = _starts_and_progress(events)
    terminals = [event for event in events if event.kind != STARTED]
    attempts = [_Attempt(start) for start in started]
    left_over = _assign(attempts, terminals, skew_us)
    orphans = _settle(attempts, left_over)
    for event in progress:
        _open_at(event, attempts).progress.append(event)
    return sorted([*attempts, *orphans], key=lambda each: order(each.start or _terminal(each)))


def _starts_and_progress(events: Sequence[Event]) -> tuple[list[Event], list[Event]]:
    """Tell the events that open an attempt from those that report progress of one that is open."""
    starts: list[Event] = []
    progress: list[Event] = []
    attempts_open = 0
    for event in events:
        if event.kind != STARTED:
            attempts_open = max(0, attempts_open - 1)
        elif attempts_open and 101 <= (_code(event) or 0) <= 199:
            progress.append(event)
        else:
            starts.append(event)
            attempts_open += 1
    return starts, progress


def _assign(attempts: Sequence[_Attempt], terminals: Sequence[Event], skew_us: int) -> list[Event]:
    """Give attempts their terminals, by client_state where unmistakable, else by time; return the rest."""
    by_state = _by_client_state(attempts, terminals, skew_us)
    for attempt, terminal in by_state:
        attempt.terminal = terminal
    claimed = {id(terminal) for _, terminal in by_state}
    free = [attempt for attempt in attempts if attempt.terminal is None]
    rest = [terminal for terminal in terminals if id(terminal) not in claimed]
    pairs = pairing.pair([_time(each.start) for each in free], [_time(each) for each in rest], skew_us)
    for j, i in pairs.items():
        free[i].terminal = rest[j]
    return [terminal for j, terminal in enumerate(rest) if j not in pairs]


def _by_client_state(
    attempts: Iterable[_Attempt], terminals: Iterable[Event], skew_us: int
) -> list[tuple[_Attempt, Event]]:
    """Find terminals whose client_state one attempt and no other terminal carries (domain 8b)."""
    attempt_states = Counter(state for each in attempts if (state := _state(each.start)))
    terminal_states = Counter(state for each in terminals if (state := _state(each)))
    unique = {state for state, count in attempt_states.items() if count == terminal_states[state] == 1}
    attempt_of = {state: each for each in attempts if (state := _state(each.start)) in unique}
    return [
        (attempt_of[state], terminal)
        for terminal in terminals
        if (state := _state(terminal)) in attempt_of and _time(attempt_of[state].start) <= _time(terminal) + skew_us
    ]


def _settle(attempts: Sequence[_Attempt], left_over: Iterable[Event]) -> list[_Attempt]:
    """Let terminals without a start contradict the attempt before them, or stand alone (returned)."""
    orphans: list[_Attempt] = []
    ended = [each for each in attempts if each.terminal]
    for terminal in left_over:
        before = [each for each in ended if _time(each.start) <= _time(terminal)]
        if before:
            attempt = before[-1]
            first, later = sorted((_terminal(attempt), terminal), key=order)
            attempt.terminal = first
            attempt.contradicting.append(later)
        else:
            orphans.append(_Attempt(None, terminal))
    return orphans


def _open_at(event: Event, attempts: Sequence[_Attempt]) -> _Attempt:
    """Find the attempt a progress event belongs to: the latest one open then, else the latest one started."""
    before = [each for each in attempts if each.start and order(each.start) < order(event)]
    still_open = [each for each in before if not each.terminal or order(each.terminal) > order(event)]
    return (still_open or before)[-1]


def _verdict(
    attempt: _Attempt, hangup_at: Instant | None, as_of: Instant, policy: Policy, *, superseded: bool
) -> _Verdict:
    if attempt.terminal:
        return _terminal_verdict(attempt.terminal)
    if superseded:
        return _Verdict("superseded_no_terminal", ("terminal_missing",))
    call_over_at = None if hangup_at is None else hangup_at + policy.late_grace_us
    if call_over_at is not None and as_of >= call_over_at:
        return _Verdict("unconfirmed_call_ended", ("terminal_missing",))
    timeout_at = _time(attempt.start) + policy.refer_timeout_us + policy.late_grace_us + 1
    if as_of >= timeout_at:
        return _Verdict("unconfirmed_timeout", ("terminal_missing",), call_over_at)
    return _Verdict("pending", (), timeout_at if call_over_at is None else min(timeout_at, call_over_at))


def _terminal_verdict(terminal: Event) -> _Verdict:
    """Judge by the event type first: a code that contradicts it is flagged, never believed."""
    code = _code(terminal) or 0
    if terminal.kind == COMPLETED:
        if code in (0, 200):
            return _Verdict("completed")
        flag = "notify_2xx_not_200" if code // 100 == 2 else "event_code_conflict"
        return _Verdict("completed", (flag,))
    if code // 100 in (1, 2):
        return _Verdict("failed_unspecified", ("event_code_conflict",))
    by_class = _FAILED_CLASSES.get(code // 100, "failed_unspecified")
    return _Verdict(_FAILED_OUTCOMES.get(code, by_class))


def _row(attempt: _Attempt, verdict: _Verdict, leg: CallLeg, seq: int) -> ReferAttempt:
    started_at = attempt.start and _time(attempt.start)
    terminal_at = attempt.terminal and _time(attempt.terminal)
    to_terminal_us = None
    if started_at is not None and terminal_at is not None:
        to_terminal_us = max(0, terminal_at - started_at)
    return ReferAttempt(
        call_session_id=leg.call_session_id,
        finality=leg.finality,
        positions=tuple(sorted(event.position for event in attempt.events)),
        call_leg_id=leg.call_leg_id,
        seq=seq,
        connection_id=leg.connection_id,
        started_at=started_at,
        terminal_at=terminal_at,
        time_to_terminal_us=to_terminal_us,
        time_to_terminal_ms=None if to_terminal_us is None else to_terminal_us // 1000,
        outcome=verdict.outcome,
        last_provisional=_last_provisional(attempt),
        final_code=attempt.terminal and _code(attempt.terminal),
        flags=tuple(sorted({*verdict.flags, *_pairing_flags(attempt)})),
    )


def _pairing_flags(attempt: _Attempt) -> Iterator[str]:
    if attempt.contradicting:
        yield "contradictory_terminal"
    if attempt.start is None:
        yield "started_missing"
    elif attempt.terminal and _time(attempt.start) > _time(attempt.terminal):
        yield "clock_skew"


def _last_provisional(attempt: _Attempt) -> int | None:
    reports = [attempt.start, *attempt.progress] if attempt.start else []
    codes = [code for event in reports if 100 <= (code := _code(event) or 0) <= 199]
    return codes[-1] if codes else None


def _code(event: Event) -> int | None:
    return payloads.sip_status(event.payload.get("sip_notify_response"))


def _state(event: Event | None) -> str | None:
    return payloads.string(event.payload, "client_state") if event else None


def _time(event: Event | None) -> Instant:
    assert event is not None, "asked for an event that is there"
    assert event.occurred_at is not None, "asked for an event with a time"
    return event.occurred_at


def _terminal(attempt: _Attempt) -> Event:
    assert attempt.terminal is not None, "an attempt has a start or a terminal"
    return attempt.terminal
