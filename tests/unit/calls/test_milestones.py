"""Milestones come out the same in whatever order events are seen."""

from hypothesis import given
from hypothesis import strategies as st

from calls.event import Event
from calls.milestones import Milestones
from tests.unit.calls import made


def seen(events: list[Event]) -> Milestones:
    """Show events to fresh milestones."""
    milestones = Milestones()
    for event in events:
        milestones.see(event)
    return milestones


@given(made.sessions(), st.data())
def test_milestones_ignore_order(events: list[Event], data: st.DataObject) -> None:
    """Seeing events in another order gives the same milestones."""
    assert seen(data.draw(st.permutations(events))) == seen(events)


def test_nothing_seen_is_never_final() -> None:
    """Without a timed event there is no instant from which to wait."""
    assert seen([made.event("call.hangup", None)]).final_at(made.SHORT) is None


def test_finality_waits_for_the_hangup_moved_to_the_answer() -> None:
    """Where skew stamped the hangup before the answer, the grace runs from the answer."""
    milestones = seen([made.event("call.hangup", 1), made.event("call.answered", 3)])
    assert milestones.inversion_us == 2_000
    assert milestones.hangup_at(made.SHORT) == 3_000
    assert milestones.final_at(made.SHORT) == 7_000
