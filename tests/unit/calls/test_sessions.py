"""Call sessions: what their legs add up to."""

import pytest

from calls.event import Event
from calls.fold import fold
from calls.records import CallSession
from tests.unit.calls import made

NOW = made.hours(1)
LATER = made.hours(10)


def session(*events: Event, as_of: int = NOW) -> CallSession:
    """Give the row of a session."""
    (row,) = fold(made.numbered(*events), as_of).call_sessions
    return row


def leg(name: str, *, answered: bool = False, hangup_ms: int | None = None) -> tuple[Event, ...]:
    """Make the events of a leg that begins at 1,000 ms."""
    milestones = {
        "call.initiated": 1_000,
        "call.answered": 2_000 if answered else None,
        "call.hangup": hangup_ms,
    }
    return tuple(made.event(kind, at_ms, call_leg_id=name) for kind, at_ms in milestones.items() if at_ms is not None)


@pytest.mark.parametrize(
    ("events", "as_of", "status", "ended_at"),
    [
        (leg("a"), NOW, "ringing", None),
        (leg("a", hangup_ms=9_000) + leg("b"), NOW, "ringing", None),
        (leg("a", answered=True) + leg("b"), NOW, "in_progress", None),
        (leg("a", answered=True, hangup_ms=9_000) + leg("b"), NOW, "in_progress", None),
        (leg("a", hangup_ms=9_000) + leg("b"), LATER, "stale", None),
        (leg("a", hangup_ms=9_000) + leg("b", hangup_ms=8_000), NOW, "ended", 9_000_000),
    ],
)
def test_status_is_that_of_the_liveliest_leg(
    events: tuple[Event, ...], as_of: int, status: str, ended_at: int | None
) -> None:
    """A session lives while a leg does, is stale when one went silent, and ended when all hung up."""
    row = session(*events, as_of=as_of)
    assert (row.status, row.ended_at, row.started_at) == (status, ended_at, 1_000_000)


def test_session_counts_legs_and_events() -> None:
    """Legs, answered legs and distinct events are counted; repeats are not."""
    events = leg("a", answered=True, hangup_ms=9_000) + leg("b", hangup_ms=9_000)
    row = session(*events, *events[:2])
    assert (row.legs, row.answered_legs, row.events, row.positions) == (2, 1, 5, (0, 1, 2, 3, 4))


def test_session_is_described_by_its_first_leg() -> None:
    """Direction and parties are those of the leg that began first, as far as it has them."""
    second = made.event("call.initiated", 9, call_leg_id="b", direction="outgoing", **{"from": "+2", "to": "+3"})
    first = made.event("call.initiated", 1, call_leg_id="a", direction="incoming", **{"from": "+1"})
    row = session(second, first)
    assert (row.direction, row.from_number, row.to_number, row.connection_id) == (
        "incoming",
        "+1",
        "+3",
        "con-1",
    )


def test_session_without_an_id_is_named_after_its_leg() -> None:
    """Events that name no session form one under the id of their leg, flagged."""
    row = session(made.event("call.initiated", 0, call_session_id=None))
    assert (row.call_session_id, row.flags) == ("leg-1", ("session_missing",))


def test_session_of_which_no_leg_was_heard_is_unknown() -> None:
    """Without one timed event about a leg nothing is said of the call, and nothing is ever final."""
    row = session(made.event("call.answered", None), as_of=LATER)
    assert (row.legs, row.status, row.started_at, row.finality) == (0, "unknown", None, "provisional")
