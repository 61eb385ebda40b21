"""Legs: answer and hangup, lost webhooks, skewed clocks, and when a leg is final."""

from dataclasses import replace
from typing import Any

import pytest

from calls import legs
from calls.event import Event, order
from calls.instants import MILLISECOND
from calls.policy import DEFAULT, About, Judgement
from calls.records import CallLeg
from tests.unit.calls import made

GRACE_MS = DEFAULT.late_grace_ms
SILENCE_MS = DEFAULT.stale_after_ms + GRACE_MS
LATE = made.hours(1000)

INITIATED = made.event("call.initiated", 0, direction="incoming")
ANSWERED = made.event("call.answered", 2_000)
HANGUP = made.event("call.hangup", 60_000, hangup_cause="normal_clearing", sip_hangup_cause="200")


def reading(*events: Event, as_of: int = LATE) -> legs.Reading:
    """Read the events of a leg, in any order."""
    return legs.read("leg-1", sorted(made.numbered(*events), key=order), "ses-1", as_of, DEFAULT)


def row(*events: Event, as_of: int = LATE) -> CallLeg:
    """Give the row of a leg."""
    return reading(*events, as_of=as_of).row


def test_answered_call_has_its_times_and_cause() -> None:
    """Talk time runs from the answer to the hangup, and the cause is kept as sent beside its meaning."""
    leg = row(INITIATED, ANSWERED, HANGUP)
    assert (leg.status, leg.answer_evidence, leg.talk_us, leg.talk_ms) == (
        "ended_answered",
        "webhook",
        58_000_000,
        58_000,
    )
    assert (leg.initiated_at, leg.answered_at, leg.hangup_at) == (0, 2_000_000, 60_000_000)
    assert (leg.hangup_cause, leg.hangup_cause_name, leg.hangup_cause_q850) == (
        "normal_clearing",
        "NORMAL_CLEARING",
        16,
    )
    assert (leg.finality, leg.flags, leg.positions) == ("final", (), (0, 1, 2))


def test_talk_ms_is_rounded_down() -> None:
    """Part of a millisecond is no millisecond."""
    assert row(ANSWERED, made.event("call.hangup", 2_001.999)).talk_ms == 1


def test_answer_is_inferred_from_a_bridge() -> None:
    """A bridged leg was answered, if nothing says when."""
    leg = row(INITIATED, made.event("call.bridged", 3_000), HANGUP)
    assert (leg.answered_at, leg.answer_evidence) == (3_000_000, "inferred_from_bridged")


def test_answer_outranks_an_earlier_bridge() -> None:
    """An answer that was told is not replaced by an inferred one."""
    leg = row(INITIATED, made.event("call.bridged", 1_000), ANSWERED)
    assert (leg.answered_at, leg.bridged_at, leg.answer_evidence) == (2_000_000, 1_000_000, "webhook")


@pytest.mark.parametrize(("second_ms", "flags"), [(2_000, ()), (2_001, ("multiple_answered",))])
def test_earliest_answer_counts_and_another_time_is_flagged(second_ms: int, flags: tuple[str, ...]) -> None:
    """Of several answers the earliest counts; they are flagged where their times differ."""
    leg = row(INITIATED, ANSWERED, made.event("call.answered", second_ms, state="answered"))
    assert (leg.answered_at, leg.flags) == (2_000_000, flags)


def test_earliest_hangup_counts_when_there_are_several() -> None:
    """Of several hangups the earliest counts, with its cause."""
    leg = row(INITIATED, ANSWERED, HANGUP, made.event("call.hangup", 59_000, hangup_cause="user_busy"))
    assert (leg.hangup_at, leg.hangup_cause, leg.flags) == (59_000_000, "user_busy", ("multiple_hangups",))


@pytest.mark.parametrize(
    ("before_ms", "hangup_ms", "talk_us", "flags"),
    [
        (0, 2_000, 0, ()),
        (1, 2_000, 0, ("clock_skew",)),
        (2_000, 2_000, 0, ("clock_skew",)),
        (2_000.001, -0.001, None, ("clock_anomaly",)),
    ],
)
def test_hangup_before_the_answer_is_skew_or_an_anomaly(
    before_ms: float, hangup_ms: float, talk_us: int | None, flags: tuple[str, ...]
) -> None:
    """A hangup at most the skew before the answer is moved to it; one earlier than that stays."""
    leg = row(INITIATED, ANSWERED, made.event("call.hangup", 2_000 - before_ms))
    assert leg.hangup_at == round(hangup_ms * MILLISECOND)
    assert (leg.status, leg.answered_at, leg.talk_us, leg.flags) == (
        "ended_answered",
        2_000_000,
        talk_us,
        flags,
    )


@pytest.mark.parametrize(
    ("cause", "sip", "status"),
    [
        ("normal_clearing", "200", "ended_answer_unknown"),
        ("NORMAL_CLEARING", 200, "ended_answer_unknown"),
        (16, "200", "ended_answer_unknown"),
        ("normal_clearing", "480", "ended_unanswered"),
        ("normal_clearing", None, "ended_unanswered"),
        ("no_answer", "200", "ended_unanswered"),
        (None, 200, "ended_unanswered"),
        (["normal_clearing"], {"a": 1}, "ended_unanswered"),
    ],
)
def test_hangup_without_answer_may_hide_a_lost_answer(cause: Any, sip: Any, status: str) -> None:
    """A clean clearing with SIP 200 is that of an answered call: then nobody knows whether it was one."""
    leg = row(INITIATED, made.event("call.hangup", 9_000, hangup_cause=cause, sip_hangup_cause=sip))
    assert (leg.status, leg.talk_us) == (status, None)


@pytest.mark.parametrize(("events", "alive"), [((INITIATED,), "ringing"), ((INITIATED, ANSWERED), "in_progress")])
def test_leg_without_hangup_is_alive_until_it_is_stale(events: tuple[Event, ...], alive: str) -> None:
    """Silence longer than the limit and the grace makes a leg stale, answered or not, and final."""
    last_us = (events[-1].occurred_at or 0) + SILENCE_MS * MILLISECOND
    before, after = reading(*events, as_of=last_us), reading(*events, as_of=last_us + 1)
    assert (before.row.status, before.row.finality, before.review_at) == (alive, "provisional", last_us + 1)
    assert (after.row.status, after.row.finality, after.review_at) == ("stale", "final", None)


def test_any_event_of_the_leg_breaks_its_silence() -> None:
    """Staleness counts from the last event of whatever type."""
    as_of = 2_000 * MILLISECOND + SILENCE_MS * MILLISECOND + 1
    assert row(INITIATED, ANSWERED, as_of=as_of).status == "stale"
    assert row(INITIATED, ANSWERED, made.event("call.new_thing", 2_001), as_of=as_of).status == "in_progress"


def test_ended_leg_is_final_when_the_grace_is_over() -> None:
    """A leg that hung up is provisional until the grace has passed, that instant included."""
    final_us = (60_000 + GRACE_MS) * MILLISECOND
    before = reading(INITIATED, ANSWERED, HANGUP, as_of=final_us - 1)
    assert (before.row.finality, before.review_at) == ("provisional", final_us)
    assert row(INITIATED, ANSWERED, HANGUP, as_of=final_us).finality == "final"


def test_lost_initiated_is_flagged() -> None:
    """A leg whose beginning nobody told is not read as a clean call."""
    leg = row(ANSWERED, HANGUP)
    assert (leg.initiated_at, leg.flags) == (None, ("initiated_missing",))


def test_parties_come_from_initiated_before_any_other_event() -> None:
    """call.initiated describes the leg, even where another event is stamped before it."""
    early = made.event("call.answered", 1, **{"from": "+2", "direction": "outgoing", "to": "+3"}, tags=["x"])
    late = made.event("call.initiated", 5, **{"from": "+1", "direction": "incoming"}, tags=["a", 1, "b"])
    leg = row(early, late)
    assert (leg.from_number, leg.direction, leg.to_number, leg.tags) == ("+1", "incoming", "+3", ("a", "b"))


def test_mistyped_fields_say_nothing() -> None:
    """Whatever a payload holds, a leg has a row; a cause that is no text is kept as JSON."""
    odd = {"from": 1, "to": ["+1"], "direction": {}, "tags": "a", "hangup_source": 7}
    leg = row(made.event("call.hangup", 1, hangup_cause={"b": 1, "a": [16]}, sip_hangup_cause=200, **odd))
    assert (leg.from_number, leg.to_number, leg.direction, leg.tags, leg.hangup_source) == (
        None,
        None,
        None,
        (),
        None,
    )
    assert (leg.hangup_cause, leg.sip_hangup_cause) == ('{"a":[16],"b":1}', "200")


def test_leg_is_judged_when_it_was_answered() -> None:
    """The policy in force at the answer judges, whatever was in force before; without an answer, at the first event."""
    judge = made.InForce(DEFAULT, replace(DEFAULT, in_scope=False), since=2_000 * MILLISECOND)
    answered = legs.read("leg-1", [INITIATED, ANSWERED, HANGUP], "ses-1", LATE, judge)
    unanswered = legs.read("leg-1", [INITIATED, HANGUP], "ses-1", LATE, judge)
    assert [reading.judged.version for reading in (answered, unanswered)] == [2, 1]


def test_policy_is_asked_about_the_leg() -> None:
    """A judge hears what the events say of the leg: connection, direction, numbers and tags."""
    heard: list[About] = []

    class Curious:
        def judge(self, about: About, at: int | None) -> Judgement:
            assert at == 0
            heard.append(about)
            return Judgement(DEFAULT)

    told = {"from": "a", "to": "b", "tags": ["x", 7], "direction": "outgoing"}
    legs.read("leg-1", [made.event("call.initiated", 0, **told)], "ses-1", LATE, Curious())
    assert heard == [About("con-1", "outgoing", "a", "b", ("x",))]
