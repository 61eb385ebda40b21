"""The timeline: order, sentences and flags."""

from calls.fold import fold
from tests.unit.calls import made


def test_timeline_tells_every_event_in_order() -> None:
    """Entries are numbered in the one order, name their event and say what happened."""
    events = made.numbered(
        made.event("call.hangup", 9), made.event("call.initiated", 1), made.event("call.answered", 9)
    )
    entries = fold(events, 0).timeline
    assert [(entry.seq, entry.event_type, entry.position) for entry in entries] == [
        (1, "call.initiated", 1),
        (2, "call.answered", 2),
        (3, "call.hangup", 0),
    ]
    assert all(entry.sentence.endswith(".") for entry in entries)
    assert entries[1].received_at == events[2].received_at


def test_timeline_flags_what_is_odd_about_the_type() -> None:
    """An alias and an unknown type are shown as sent, and flagged."""
    events = made.numbered(
        made.event("call.siprec.started", 1),
        made.event("call.brand_new.thing", 2),
        made.event("call.hold", 3),
    )
    assert [(entry.event_type, entry.flags) for entry in fold(events, 0).timeline] == [
        ("call.siprec.started", ("aliased_type",)),
        ("call.brand_new.thing", ("unknown_type",)),
        ("call.hold", ()),
    ]


def test_event_without_leg_is_told_with_the_session() -> None:
    """An event that names no leg, or one never heard with a time, has the finality of the session."""
    events = made.numbered(
        made.event("call.initiated", 0),
        made.event("call.hangup", 1),
        made.event("conference.created", 2, call_leg_id=None),
        made.event("call.answered", None, call_leg_id="leg-9"),
    )
    entries = fold(events, made.hours(1)).timeline
    assert [(entry.call_leg_id, entry.finality) for entry in entries] == [
        ("leg-1", "final"),
        ("leg-1", "final"),
        (None, "final"),
        ("leg-9", "final"),
    ]
