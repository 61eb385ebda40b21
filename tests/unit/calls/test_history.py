"""Revisions: what arrives after a leg was final, and only that, revises its rows."""

from dataclasses import replace

import pytest
from hypothesis import given

from calls import history, recordings
from calls.event import RANKS, Event
from calls.fold import fold, fold_with_history
from calls.history import Revision
from calls.instants import MILLISECOND
from calls.policy import DEFAULT
from tests.unit.calls import made

GRACE_MS = DEFAULT.late_grace_ms
HANGUP_MS = 60_000
FINAL_MS = HANGUP_MS + GRACE_MS
SILENT_MS = DEFAULT.stale_after_ms + GRACE_MS

CALL = (
    made.event("call.initiated", 0),
    made.event("call.answered", 2_000),
    made.event("siprec.started", 2_500),
    made.event("call.hangup", HANGUP_MS),
)


def revision(*events: Event) -> Revision:
    """Give the revision of the one leg of events stored in the order given."""
    return history.history(made.numbered(*events))["leg-1"]


@pytest.mark.parametrize(("received_ms", "expected"), [(FINAL_MS - 0.001, 1), (FINAL_MS, 2)])
def test_event_revises_when_received_after_the_grace(received_ms: float, expected: int) -> None:
    """A stop that arrives when the leg is final makes revision 2, one a microsecond earlier does not."""
    late = made.event("siprec.stopped", 59_000, received_ms=received_ms)
    told = revision(*CALL, late)
    assert told.revision == expected
    assert told.revised_by == (late.event_id if expected == 2 else None)
    assert told.first_final_at == FINAL_MS * MILLISECOND


@pytest.mark.parametrize(("received_ms", "expected"), [(SILENT_MS, 1), (SILENT_MS + 0.001, 2)])
def test_event_revises_when_the_leg_was_stale(received_ms: float, expected: int) -> None:
    """A hangup that arrives when the leg was given up revises it; until then the leg only waited."""
    told = revision(made.event("call.initiated", 0), made.event("call.hangup", 1, received_ms=received_ms))
    assert told.revision == expected


def test_each_late_event_revises_and_the_latest_is_named() -> None:
    """Two late events are two revisions; the first instant of finality stays what it was."""
    late = made.event("siprec.stopped", 59_000, received_ms=FINAL_MS + 1)
    later = made.event("call.answered", 1_999, received_ms=FINAL_MS + 2)
    assert revision(*CALL, late, later) == Revision(3, later.event_id, 5, FINAL_MS * MILLISECOND)


def test_duplicates_and_unranked_events_revise_nothing() -> None:
    """What tells nothing new, or changes no state, is no revision however late it comes."""
    same = replace(CALL[1], received_at=10**13)
    twin = made.event("call.answered", 2_000, event_id="other", received_ms=10**10)
    cost = made.event("call.cost", 61_000, received_ms=10**10)
    untimed = made.event("siprec.stopped", None, received_ms=10**10)
    assert revision(*CALL, same, twin, cost, untimed).revision == 1


def test_late_recording_that_names_no_leg_revises_every_leg_that_was_final() -> None:
    """It may be of any of them: what it makes unknown is not changed in silence."""
    late = made.event("call.recording.saved", 59_000, call_leg_id=None, received_ms=FINAL_MS + 1)
    soon = replace(late, received_at=(FINAL_MS - 1) * MILLISECOND)
    assert (revision(*CALL, late).revision, revision(*CALL, late).revised_by) == (2, late.event_id)
    assert revision(*CALL, soon).revision == 1


def test_late_hangup_makes_a_leg_final_on_arrival() -> None:
    """A hangup received after its own grace revises nothing, and finality begins when it came."""
    hangup = made.event("call.hangup", HANGUP_MS, received_ms=FINAL_MS + 500)
    stopped = made.event("siprec.stopped", 59_000, received_ms=FINAL_MS + 600)
    assert revision(*CALL[:3], hangup).revision == 1
    assert revision(*CALL[:3], hangup, stopped) == Revision(2, stopped.event_id, 4, (FINAL_MS + 500) * MILLISECOND)


def test_other_legs_are_not_revised_but_the_session_is() -> None:
    """A late event revises the rows of its leg and of the session, not those of another leg."""
    other = tuple(made.event(event.event_type, at, call_leg_id="leg-2") for at, event in enumerate(CALL, start=1))
    late = made.event("siprec.stopped", 59_000, received_ms=FINAL_MS)
    record = fold_with_history(made.numbered(*CALL, *other, late), 10**12)
    revisions = {leg.call_leg_id: (leg.revision, leg.revised_by) for leg in record.call_legs}
    assert revisions == {"leg-1": (2, late.event_id), "leg-2": (1, None)}
    assert [(row.revision, row.revised_by) for row in record.call_sessions] == [(2, late.event_id)]
    assert {entry.revision for entry in record.timeline if entry.call_leg_id == "leg-1"} == {2}


def test_each_leg_is_revised_by_its_own_policy() -> None:
    """A leg whose policy waits longer for late webhooks is not final yet when the other one is."""
    other = tuple(made.event(event.event_type, at, call_leg_id="leg-2") for at, event in enumerate(CALL, start=3_000))
    late = [
        made.event("siprec.stopped", 3_002.5, received_ms=FINAL_MS, call_leg_id="leg-2"),
        made.event("siprec.stopped", 59_000, received_ms=FINAL_MS),
    ]
    patient = replace(DEFAULT, late_grace_ms=GRACE_MS * 2)
    judge = made.InForce(DEFAULT, patient, since=3_000 * MILLISECOND)
    record = fold_with_history(made.numbered(*CALL, *other, *late), 10**12, judge)
    assert [(row.policy_version, row.revision) for row in record.coverage] == [(1, 2), (2, 1)]


@given(made.sessions())
def test_revision_counts_ranked_events_at_most(events: list[Event]) -> None:
    """No more than ranked events of the leg and recordings without one; and the rest of the rows is the fold's."""
    revisions = history.history(events, dict.fromkeys(made.LEGS, made.SHORT))
    for leg_id, told in revisions.items():
        ranked = [event for event in events if event.call_leg_id == leg_id and event.kind in RANKS]
        of_any = [event for event in events if event.call_leg_id is None and event.kind in recordings.KINDS]
        assert 1 <= told.revision <= 1 + len(ranked) + len(of_any)
        assert (told.revised_by is None) == (told.revision == 1)
    record = fold(events, 0, made.SHORT)
    revised = fold_with_history(events, 0, made.SHORT)
    unrevised = tuple(replace(row, revision=1, revised_by=None) for row in revised.call_legs)
    assert unrevised == record.call_legs
