"""REFER attempts: pairing by client_state, leftovers, outcomes, and when time alone changes one."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import refer
from calls.event import Event, order
from calls.instants import MILLISECOND
from calls.policy import DEFAULT
from calls.records import ReferAttempt
from tests.unit.calls import made

LATE = made.hours(10)


def started(at_ms: int, code: int | None = 100, **payload: Any) -> Event:
    """Make a started event."""
    return made.event(refer.STARTED, at_ms, sip_notify_response=code, **payload)


def completed(at_ms: int, code: Any = 200, **payload: Any) -> Event:
    """Make a completed event."""
    return made.event(refer.COMPLETED, at_ms, sip_notify_response=code, **payload)


def failed(at_ms: int, code: Any = 486, **payload: Any) -> Event:
    """Make a failed event."""
    return made.event(refer.FAILED, at_ms, sip_notify_response=code, **payload)


def read(*events: Event, as_of: int = LATE, hangup_ms: int | None = None) -> refer.Reading:
    """Read the events of a leg, in any order."""
    return refer.read(sorted(made.numbered(*events), key=order), made.leg(hangup_ms), as_of, DEFAULT)


def told(reading: refer.Reading) -> list[tuple[int | None, int | None, str, tuple[str, ...]]]:
    """Give started, terminal (milliseconds), outcome and flags of every row."""
    return [(_ms(row.started_at), _ms(row.terminal_at), row.outcome, row.flags) for row in reading.rows]


def _ms(instant: int | None) -> int | None:
    return None if instant is None else instant // MILLISECOND


def only(reading: refer.Reading) -> ReferAttempt:
    """Give the one row there is."""
    (row,) = reading.rows
    return row


def test_terminal_goes_to_the_latest_start_when_two_are_open() -> None:
    """One result after two starts belongs to the second; the first was superseded."""
    assert told(read(started(1_000), started(2_000), completed(3_000))) == [
        (1_000, None, "superseded_no_terminal", ("terminal_missing",)),
        (2_000, 3_000, "completed", ()),
    ]


def test_terminals_go_in_order_when_as_many_as_starts() -> None:
    """Two results after two starts belong to them in order."""
    assert told(read(started(1_000), started(2_000), failed(3_000), completed(4_000))) == [
        (1_000, 3_000, "target_busy", ()),
        (2_000, 4_000, "completed", ()),
    ]


def test_client_state_outranks_time_when_unmistakable() -> None:
    """A client_state that one attempt and one result carry pairs them, even where that crosses."""
    events = (
        started(1_000, client_state="QQ=="),
        started(2_000, client_state="Qg=="),
        failed(3_000, 487, client_state="Qg=="),
        completed(4_000, client_state="QQ=="),
    )
    assert told(read(*events)) == [(1_000, 4_000, "completed", ()), (2_000, 3_000, "cancelled", ())]


@pytest.mark.parametrize(
    ("first", "second", "third", "fourth"),
    [("", "", "", ""), ("a", "a", "a", ""), ("a", "b", "a", "a"), ("a", "b", "c", "d")],
)
def test_client_state_says_nothing_when_not_unmistakable(first: str, second: str, third: str, fourth: str) -> None:
    """An empty client_state, or one that several attempts or results carry, leaves it to time."""
    events = (
        started(1_000, client_state=first),
        started(2_000, client_state=second),
        failed(3_000, client_state=third),
        completed(4_000, client_state=fourth),
    )
    assert [row[1] for row in told(read(*events))] == [3_000, 4_000]


def test_client_state_says_nothing_when_the_start_is_more_than_skew_later() -> None:
    """A result more than the skew before its namesake is not its result."""
    early, late = completed(1_000, client_state="a"), started(3_001, client_state="a")
    assert [row[3] for row in told(read(early, late))] == [("started_missing",), ("terminal_missing",)]
    within = read(early, started(3_000, client_state="a"))
    assert told(within) == [(3_000, 1_000, "completed", ("clock_skew",))]


def test_skewed_attempt_took_no_time() -> None:
    """A result stamped before its start ended it at once: no duration is negative."""
    assert only(read(started(2_000), completed(1_700))).time_to_terminal_us == 0


def test_earlier_terminal_stands_when_two_contradict() -> None:
    """The second result of one attempt is kept as a contradiction, not as its result."""
    row = only(read(started(1_000), completed(2_000), failed(3_000)))
    assert (row.outcome, row.terminal_at, row.flags) == (
        "completed",
        2_000 * MILLISECOND,
        ("contradictory_terminal",),
    )
    assert row.positions == (0, 1, 2)


def test_terminal_stands_alone_when_nothing_started_before_it() -> None:
    """A result without any start before it is a row of its own."""
    assert told(read(failed(1_000, 603), started(9_000), completed(9_500))) == [
        (None, 1_000, "declined", ("started_missing",)),
        (9_000, 9_500, "completed", ()),
    ]


def test_started_is_progress_when_an_attempt_is_open() -> None:
    """A start with 101 to 199 reports progress of the open attempt."""
    row = only(read(started(1_000), started(1_500, 180), started(1_600, 183), completed(2_000)))
    assert (row.last_provisional, row.time_to_terminal_ms, row.positions) == (183, 1_000, (0, 1, 2, 3))


def test_started_opens_an_attempt_when_none_is_open() -> None:
    """Progress without anything that could progress is the start itself, also after a result."""
    reading = read(started(1_000, 180), failed(2_000), started(3_000, 180), completed(4_000))
    assert [(row.started_at, row.last_provisional) for row in reading.rows] == [
        (1_000 * MILLISECOND, 180),
        (3_000 * MILLISECOND, 180),
    ]


def test_started_opens_an_attempt_when_its_code_is_not_progress() -> None:
    """A second start with 100, or without a code, is a second attempt."""
    assert len(read(started(1_000), started(2_000, 100), started(3_000, None)).rows) == 3


def test_progress_belongs_to_the_attempt_still_open() -> None:
    """Progress after the later of two attempts ended is about the earlier one."""
    reading = read(started(1_000), started(2_000), completed(3_000), started(4_000, 183))
    assert [row.last_provisional for row in reading.rows] == [183, 100]


@pytest.mark.parametrize(
    ("code", "outcome", "flags"),
    [
        (200, "completed", ()),
        (None, "completed", ()),
        (0, "completed", ()),
        ("200", "completed", ()),
        (202, "completed", ("notify_2xx_not_200",)),
        (299, "completed", ("notify_2xx_not_200",)),
        (180, "completed", ("event_code_conflict",)),
        (302, "completed", ("event_code_conflict",)),
        (603, "completed", ("event_code_conflict",)),
        (True, "completed", ()),
    ],
)
def test_completed_is_completed_whatever_its_code(code: Any, outcome: str, flags: tuple[str, ...]) -> None:
    """The event type outranks the code; what contradicts it is flagged."""
    row = only(read(started(1_000), completed(2_000, code)))
    assert (row.outcome, row.flags) == (outcome, flags)


FAILED_CODES = {
    "redirected": (300, 302, 399),
    "target_forbidden": (401, 402, 403, 407),
    "target_not_found": (404, 410, 484, 485, 604),
    "not_supported": (405, 406, 415, 420, 488, 501, 606),
    "target_no_answer_or_timeout": (408, 480, 504),
    "dialog_lost": (481,),
    "target_busy": (486, 600),
    "cancelled": (487,),
    "declined": (603,),
    "rejected_other": (400, 409, 499),
    "target_or_network_error": (500, 502, 503, 505, 513, 599),
    "rejected_global": (601, 607, 699),
    "failed_unspecified": (None, 0, 99, 700, "busy", 4.86, [486], -486, 1e30),
}


@pytest.mark.parametrize(("code", "outcome"), [(code, name) for name, codes in FAILED_CODES.items() for code in codes])
def test_failed_is_classed_by_its_code(code: Any, outcome: str) -> None:
    """Every failure code has the class of domain 3.3, and anything else is unspecified."""
    row = only(read(started(1_000), failed(2_000, code)))
    assert (row.outcome, row.flags) == (outcome, ())


@pytest.mark.parametrize("code", [100, 180, 199, 200, 202, 299])
def test_failed_is_unspecified_when_its_code_says_otherwise(code: int) -> None:
    """A failure that carries a provisional or successful status contradicts itself."""
    row = only(read(started(1_000), failed(2_000, code)))
    assert (row.outcome, row.flags, row.final_code) == (
        "failed_unspecified",
        ("event_code_conflict",),
        code,
    )


GRACE_MS = DEFAULT.late_grace_ms
TIMEOUT_MS = DEFAULT.refer_timeout_ms + GRACE_MS


@pytest.mark.parametrize(
    ("as_of_ms", "hangup_ms", "outcome", "review_ms"),
    [
        (2_000, None, "pending", 1_000 + TIMEOUT_MS),
        (1_000 + TIMEOUT_MS, None, "pending", 1_000 + TIMEOUT_MS),
        (2_000, 5_000, "pending", 5_000 + GRACE_MS),
        (5_000 + GRACE_MS, 5_000, "unconfirmed_call_ended", None),
        (2_000 + TIMEOUT_MS, None, "unconfirmed_timeout", None),
        (2_000 + TIMEOUT_MS, 500_000, "unconfirmed_timeout", 500_000 + GRACE_MS),
        (500_000 + GRACE_MS, 500_000, "unconfirmed_call_ended", None),
    ],
)
def test_outcome_without_terminal_waits_for_what_may_still_come(
    as_of_ms: int, hangup_ms: int | None, outcome: str, review_ms: int | None
) -> None:
    """Nothing is concluded before the grace is over, and the next instant of change is named."""
    reading = read(started(1_000), as_of=as_of_ms * MILLISECOND, hangup_ms=hangup_ms)
    row = only(reading)
    assert row.outcome == outcome
    assert row.flags == (() if outcome == "pending" else ("terminal_missing",))
    strictly_after = review_ms == 1_000 + TIMEOUT_MS
    assert reading.review_at == (None if review_ms is None else review_ms * MILLISECOND + strictly_after)


EVENTS = st.lists(
    st.builds(
        lambda make, at_ms, code, state: make(at_ms, code, client_state=state),
        st.sampled_from([started, started, completed, failed]),
        st.integers(0, 12),
        st.sampled_from([None, 100, 180, 200, 486]),
        st.sampled_from([None, "a", "b"]),
    ),
    max_size=7,
)


@given(EVENTS, st.none() | st.integers(0, 15), st.integers(0, 30))
def test_reading_holds_every_event_once_and_until_its_review(
    events: list[Event], hangup_ms: int | None, as_of_ms: int
) -> None:
    """Each event is evidence of exactly one row, rows are numbered in order, and stay so until reviewed."""
    named = [replace(event, event_id=str(n)) for n, event in enumerate(made.numbered(*events))]
    ordered = sorted(named, key=order)
    leg = made.leg(hangup_ms)
    reading = refer.read(ordered, leg, as_of_ms * MILLISECOND, made.SHORT)
    assert sorted(position for row in reading.rows for position in row.positions) == list(range(len(events)))
    assert [row.seq for row in reading.rows] == list(range(1, len(reading.rows) + 1))
    times = [row.terminal_at if row.started_at is None else row.started_at for row in reading.rows]
    assert times == sorted(times)
    before_review = 10**12 if reading.review_at is None else reading.review_at - 1
    assert refer.read(ordered, leg, before_review, made.SHORT).rows == reading.rows
    if reading.review_at is not None:
        assert reading.review_at > as_of_ms * MILLISECOND
        assert refer.read(ordered, leg, reading.review_at, made.SHORT).rows != reading.rows
