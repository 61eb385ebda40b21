"""What the events of a session come to before anything is read from them."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from calls import evidence
from calls.event import Event, order
from tests.unit.calls import made


def told(*events: Event) -> tuple[list[int], list[int]]:
    """Give the positions of all distinct events and of the facts."""
    sifted = evidence.sift(made.numbered(*events))
    return [event.position for event in sifted.events], [event.position for event in sifted.facts]


def test_repeated_delivery_is_the_event_stored_first() -> None:
    """Of equal id and content the lowest position stays, whichever is told first."""
    early = made.event("call.answered", 1, position=3)
    late = replace(early, position=7)
    for events in ([early, late], [late, early]):
        assert [event.position for event in evidence.sift(events).events] == [3]


def test_fact_told_twice_is_one_fact_whatever_its_spelling() -> None:
    """Another id, an alias and another order of keys still tell the same fact; another payload does not."""
    first = made.event("siprec.stopped", 1, event_id="a", hangup_cause="x", client_state="y")
    second = made.event("call.siprec.stopped", 1, event_id="b", client_state="y", hangup_cause="x")
    third = made.event("siprec.stopped", 1, event_id="c", hangup_cause="z", client_state="y")
    assert told(first, second, third) == ([0, 1, 2], [0, 2])


def test_halves_of_a_conflict_are_both_facts() -> None:
    """Equal ids with other content are never collapsed, even where leg, type, time and payload agree."""
    first = made.event("siprec.started", 1, event_id="a")
    second = made.event("call.siprec.started", 1, event_id="a")
    assert [sorted(positions) for positions in told(first, second)] == [[0, 1], [0, 1]]
    assert evidence.sift(made.numbered(first, second)).conflicts == {"a"}


def test_events_without_an_id_do_not_conflict() -> None:
    """A missing id is nothing that two events could share."""
    events = (replace(made.event("call.answered", at), event_id="") for at in (1, 2))
    assert evidence.sift(made.numbered(*events)).conflicts == frozenset()


@given(made.sessions(), st.data())
def test_order_is_one_whatever_order_they_came_in(events: list[Event], data: st.DataObject) -> None:
    """Timed events are sorted, untimed ones follow, and shuffling the input changes neither."""
    sifted = evidence.sift(events)
    timed = [event for event in sifted.events if event.occurred_at is not None]
    assert list(sifted.events[: len(timed)]) == timed == sorted(timed, key=order)
    assert evidence.sift(data.draw(st.permutations(events))) == sifted
