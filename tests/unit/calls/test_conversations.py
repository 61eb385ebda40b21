"""The conversation of a session: when two legs talked at once, and what of it was recorded on any of them."""

import pytest

from calls.event import Event
from calls.fold import fold
from calls.records import SessionCoverage
from tests.unit.calls import made

LATE = made.hours(1000)


def leg(name: str, answered_s: float | None, hangup_s: float | None, *recorded_s: tuple[float, float]) -> list[Event]:
    """Make the events of a leg, recorded from when to when."""
    times = [("call.initiated", 0), ("call.answered", answered_s), ("call.hangup", hangup_s)]
    for start, end in recorded_s:
        times += [("siprec.started", start), ("siprec.stopped", end)]
    return [made.event(kind, at * 1000, call_leg_id=name) for kind, at in times if at is not None]


def row(*events: list[Event], as_of: int = LATE) -> SessionCoverage:
    """Give the session's row."""
    (one,) = fold(made.numbered(*(event for its in events for event in its)), as_of).session_coverage
    return one


@pytest.mark.parametrize(
    ("legs", "conversation_s", "covered_s"),
    [
        ([leg("a", 2, 60, (10, 20))], 58, 10),
        ([leg("a", 2, 60, (2, 60)), leg("b", 8, 50)], 42, 42),
        ([leg("a", 2, 60, (2, 20)), leg("b", 8, 50, (10, 30))], 42, 22),
        ([leg("a", 2, 60, (2, 60)), leg("b", None, 30)], 0, 0),
        ([leg("a", 2, 30, (2, 60)), leg("b", 30, 60)], 0, 0),
        ([leg("a", 2, 20), leg("b", 10, 40, (12, 40)), leg("c", 30, 60)], 20, 18),
        ([leg("a", 2, 60), leg("b", 2, 60), leg("c", 2, 60, (0, 10))], 58, 8),
        ([leg("a", None, 60)], 0, 0),
        ([leg("a", 2, None, (2, 30)), leg("b", 8, 50)], None, None),
        ([leg("a", 2, 60), leg("b", 90, 50)], None, None),
    ],
)
def test_conversation(legs: list[list[Event]], conversation_s: int | None, covered_s: int | None) -> None:
    """Two legs at once, or the one there is; covered once however many legs are; None while an end is unknown."""
    told = row(*legs)
    assert told.legs == len(legs)
    assert (told.conversation_ms, told.covered_ms) == tuple(
        None if each is None else each * 1000 for each in (conversation_s, covered_s)
    )


def test_answer_that_may_be_lost_leaves_the_conversation_unknown() -> None:
    """It is not known when that leg talked."""
    lost = made.event("call.hangup", 50_000, call_leg_id="b", hangup_cause="normal_clearing", sip_hangup_cause="200")
    assert row(leg("a", 2, 60), [lost]).conversation_us is None
