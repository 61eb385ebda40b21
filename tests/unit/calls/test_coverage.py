"""Coverage rule by rule: what is evidenced, what the policy makes of it, and what is flagged (domain 5, 8b).

SIPREC sequences are written ``"S2 P60"``, seconds after the start of a call answered at 2 and hung up at 60.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from calls.circumstances import Command, DetailRecord
from calls.event import Event
from calls.fold import fold
from calls.instants import SECOND, to_text
from calls.policy import DEFAULT, Judge, Policy
from calls.records import CallRecord, Coverage
from tests.unit.calls import made

KINDS = {"S": "siprec.started", "P": "siprec.stopped", "F": "siprec.failed"}
LATE = made.hours(1000)
GRACE_S = DEFAULT.late_grace_ms // 1000
MUST_NOT = Policy(must_not_record=True)


def call(text: str = "", *others: Event, answered: float | None = 2, hangup: float | None = 60) -> list[Event]:
    """Make the events of a call."""
    milestones = {"call.initiated": 0, "call.answered": answered, "call.hangup": hangup}
    told = [made.event(kind, at * 1000) for kind, at in milestones.items() if at is not None]
    told += [made.event(KINDS[word[0]], float(word[1:]) * 1000) for word in text.split()]
    return made.numbered(*told, *others)


def saved(start: float | None, end: float | None, **payload: Any) -> Event:
    """Make the webhook of a native recording."""
    extent = {"recording_started_at": start, "recording_ended_at": end}
    told = {key: to_text(round(at * SECOND)) for key, at in extent.items() if at is not None}
    return made.event(payload.pop("kind", "call.recording.saved"), 70_000, **told, **payload)


def read(events: Sequence[Event], policy: Judge = DEFAULT, as_of: int = LATE, **beside: Any) -> Coverage:
    """Give the coverage of the one leg; ``outages`` in seconds."""
    return folded(events, policy, as_of, **beside).coverage[0]


def folded(events: Sequence[Event], policy: Judge = DEFAULT, as_of: int = LATE, **beside: Any) -> CallRecord:
    """Fold; ``outages`` in seconds."""
    outages = [(round(a * SECOND), round(b * SECOND)) for a, b in beside.pop("outages", ())]
    return fold(events, as_of, policy, outages=outages, **beside)


def seconds(row: Coverage) -> tuple[float | None, ...]:
    """Give the four parts of a row in seconds."""
    parts = (row.confirmed_us, row.inferred_us, row.unknown_us, row.uncovered_us)
    return tuple(None if part is None else part / SECOND for part in parts)


@pytest.mark.parametrize(
    ("text", "policy", "verdict"),
    [
        ("S7 P60", DEFAULT, "full"),
        ("S7.000001 P60", DEFAULT, "partial"),
        ("S2 P58", DEFAULT, "full"),
        ("S2 P57.999999", DEFAULT, "partial"),
        ("S2 P30 S31 P60", DEFAULT, "full"),
        ("S2 P30 S31.000001 P60", DEFAULT, "partial"),
        # Each gap is kept, and so is the sum of the three tolerances, 8 s; then not.
        ("S2 " + " ".join(f"P{at} S{at + 1}" for at in range(10, 26, 2)) + " P60", DEFAULT, "full"),
        ("S2 " + " ".join(f"P{at} S{at + 1}" for at in range(10, 28, 2)) + " P60", DEFAULT, "partial"),
        # At least half of the talk time, where nothing is unknown.
        ("S31 P60", replace(DEFAULT, start_grace_ms=29_000), "full"),
        ("S31.000001 P60", replace(DEFAULT, start_grace_ms=30_000), "partial"),
        ("S31 P55", replace(DEFAULT, start_grace_ms=29_000, stop_tolerance_ms=5_000), "partial"),
        ("S40", replace(DEFAULT, start_grace_ms=50_000), "partial"),
        ("S2", DEFAULT, "full_inferred"),
        ("S2 S3 P30", DEFAULT, "unknown"),
        ("S8 S9 P30", DEFAULT, "partial"),
        ("P60", DEFAULT, "unknown"),
        ("F5", DEFAULT, "unrecorded"),
        ("S2 P2", DEFAULT, "unrecorded"),
    ],
)
def test_verdict(text: str, policy: Policy, verdict: str) -> None:
    """Each tolerance is inclusive, to the microsecond; their sum, half the talk time and doubt count too."""
    assert read(call(text), policy).verdict == verdict


@pytest.mark.parametrize(
    ("events", "inside", "after"),
    [
        (call("S2 P60"), "full", "full"),
        (call("S2"), "pending", "full_inferred"),
        (call("S2 P30"), "pending", "partial"),
        (call("S2 S3 P30"), "pending", "unknown"),
        (call(), "pending", "unrecorded"),
        (call(answered=None), "not_eligible", "not_eligible"),
        (call(answered=60), "not_eligible", "not_eligible"),
        (call(answered=63), "pending", "unknown"),
    ],
)
def test_only_full_and_not_eligible_stand_inside_the_grace(events: list[Event], inside: str, after: str) -> None:
    """Until the grace is over everything else is pending; at its last microsecond still."""
    over = (60 + GRACE_S) * SECOND
    assert [read(events, as_of=at).verdict for at in (61 * SECOND, over - 1, over)] == [inside, inside, after]


def test_milliseconds_are_there_before_the_verdict() -> None:
    """A pending leg already shows its parts, and no grade."""
    row = read(call("S2"), as_of=61 * SECOND)
    assert (row.verdict, row.evidence_grade, row.finality) == ("pending", None, "provisional")
    assert seconds(row) == (0, 58, 0, 0)


def test_call_without_hangup_is_pending_then_unknown() -> None:
    """Nothing is computed without a hangup; once the leg is stale that is unknown, and flagged."""
    events = call("S2 P30", hangup=None)
    row, stale = read(events, as_of=40 * SECOND), read(events)
    assert (row.verdict, row.flags) == ("pending", ())
    assert (stale.verdict, stale.flags, stale.evidence_grade) == ("unknown", ("hangup_missing",), "D")
    assert seconds(stale) == (None, None, None, None)


@pytest.mark.parametrize(
    ("events", "policy", "verdict", "flags"),
    [
        (call(answered=60), DEFAULT, "not_eligible", ("zero_duration",)),
        (call(answered=59), Policy(min_duration_ms=1_001), "not_eligible", ("below_min_duration",)),
        (call(answered=59), Policy(min_duration_ms=1_000), "unrecorded", ()),
        (call("S2 P60"), Policy(in_scope=False), "not_in_scope", ()),
        (call(answered=None), Policy(in_scope=False), "not_in_scope", ()),
        (call(answered=63), DEFAULT, "unknown", ("clock_anomaly",)),
        (call(answered=61), DEFAULT, "not_eligible", ("zero_duration",)),
    ],
)
def test_what_is_not_judged(events: list[Event], policy: Policy, verdict: str, flags: tuple[str, ...]) -> None:
    """Too short, out of scope, or at odds with itself: each says so, and why."""
    row = read(events, policy)
    assert (row.verdict, row.flags) == (verdict, flags)


def test_lost_answer_stays_in_the_denominator() -> None:
    """A hangup that reads as that of an answered call, without an answer, is unknown."""
    hangup = made.event("call.hangup", 60_000, hangup_cause="normal_clearing", sip_hangup_cause="200")
    row = read(made.numbered(hangup))
    assert (row.verdict, row.flags, row.answered_us) == ("unknown", ("answer_unknown",), None)


@pytest.mark.parametrize(
    ("text", "outage", "parts"),
    [
        ("S2", (20, 25), (0, 18, 40, 0)),
        ("S2 S40", (20, 25), (0, 38, 20, 0)),  # up to the first SIPREC event
        ("S2 S25", (20, 25), (0, 53, 5, 0)),  # which may come the moment it ends
        ("S2 S24", (20, 25), (0, 18, 40, 0)),
        ("S2 P60", (20, 25), (58, 0, 0, 0)),  # what both ends prove stays proven
        ("S10 P30", (40, 41), (20, 0, 20, 18)),
        ("S10 P30", (0, 3), (20, 0, 8, 30)),  # from the answer
        ("S10 P30", (-9, 2), (20, 0, 0, 38)),  # over before the answer
        ("S10 P30 F70", (59, 61), (20, 0, 38, 0)),  # and after the hangup, see below
    ],
)
def test_outage(text: str, outage: tuple[int, int], parts: tuple[int, ...]) -> None:
    """What an outage of the ingest may have swallowed is unknown, neither inferred nor uncovered."""
    row = read(call(text), outages=[outage])
    assert seconds(row) == parts
    assert ("ingest_outage" in row.flags) == (outage[1] > 2)


@pytest.mark.parametrize(
    ("others", "outage", "policy", "uncovered"),
    [
        ((), (59.5, 60.000001), DEFAULT, 0),
        ((), (60, 61), DEFAULT, 0),
        ((), (60 + GRACE_S - 1, 60 + GRACE_S + 9), DEFAULT, 0),
        ((), (60 + GRACE_S, 60 + GRACE_S + 9), DEFAULT, 38),
        ((), (60, 61), Policy(accepted_sources=("siprec",)), 38),
        ((saved(10, 30),), (60, 61), DEFAULT, 38),
        ((made.event("call.recording.error", 61_000),), (60, 61), DEFAULT, 0),
    ],
)
def test_outage_after_the_hangup(
    others: tuple[Event, ...], outage: tuple[float, float], policy: Policy, uncovered: int
) -> None:
    """The webhook of a native recording comes after the hangup: where none was seen it may have been lost then."""
    row = read(call("S10 P30", *others), policy, outages=[outage])
    assert (row.uncovered_us or 0) / SECOND == uncovered


@pytest.mark.parametrize(
    ("recording", "parts", "flags"),
    [
        (saved(2, 60), (58, 0, 0, 0), ()),
        (saved(0, 99), (58, 0, 0, 0), ()),
        (saved(10, 10), (0, 0, 0, 58), ()),
        (saved(None, 60), (0, 0, 58, 0), ("native_extent_unknown",)),
        (saved(2, None), (0, 0, 58, 0), ("native_extent_unknown",)),
        (saved(60, 2), (0, 0, 58, 0), ("native_extent_unknown",)),
        (
            saved(10, 20, kind="conference.recording.saved", call_leg_id=None),
            (0, 0, 10, 48),
            ("recording_without_leg",),
        ),
        (
            saved(10, None, kind="conference.recording.saved", call_leg_id=None),
            (0, 0, 58, 0),
            ("recording_without_leg",),
        ),
    ],
)
def test_native_recording(recording: Event, parts: tuple[int, ...], flags: tuple[str, ...]) -> None:
    """A recording counts from when to when it says; where it does not say, or not of which leg, it is unknown."""
    row = read(call("", recording))
    assert (seconds(row), row.flags) == (parts, flags)


def test_recording_without_leg_is_unknown_on_all_legs() -> None:
    """It may be of any leg: each has it, and rests on it."""
    other = [replace(event, call_leg_id="leg-2", event_id=event.event_id + "b") for event in call()]
    loose = saved(10, 20, kind="conference.recording.saved", call_leg_id=None)
    record = folded(made.numbered(*call(), *other, loose))
    assert [row.unknown_ms for row in record.coverage] == [10_000, 10_000]
    assert all(6 in row.positions for row in record.coverage)
    assert record.session_coverage[0].flags == ("recording_without_leg",)


def test_detail_record_proves_what_webhooks_did_not() -> None:
    """It confirms, is flagged, and is graded C only where nothing else proves the same."""
    record = DetailRecord("siprec-client", "leg-1", 2 * SECOND, 60 * SECOND)
    alone = read(call(), reconciliation=[record])
    beside = read(call("S2 P60"), reconciliation=[record])
    over_inferred = read(call("S2"), reconciliation=[record])
    assert [(row.verdict, row.evidence_grade) for row in (alone, beside, over_inferred)] == [
        ("full", "C"),
        ("full", "A"),
        ("full", "C"),
    ]
    assert "reconciled_from_detail_record" in alone.flags
    assert read(call(), Policy(accepted_sources=("native",)), reconciliation=[record]).verdict == "unrecorded"
    assert read(call(), reconciliation=[replace(record, ended_at=None)]).unknown_ms == 58_000
    assert read(call(), reconciliation=[replace(record, kind="call-control")]).verdict == "unrecorded"
    assert read(call(), reconciliation=[replace(record, call_leg_id="leg-2")]).verdict == "unrecorded"


def test_durations() -> None:
    """Start delay, longest gap, early stop, recovery and double coverage, each in a call that has them all."""
    row = read(call("F4 F5 S10 P30 S35 P40 S41 P55", saved(20, 39)))
    assert (row.start_delay_ms, row.longest_gap_ms, row.early_stop_ms) == (8_000, 1_000, 5_000)
    assert (row.recovery_ms, row.double_covered_ms, row.failed_attempts) == (6_000, 14_000, 2)


def test_double_coverage_counts_no_time_that_an_outage_hides() -> None:
    """Where it is not known whether SIPREC still recorded, nothing was recorded twice for sure."""
    assert read(call("S10", saved(20, 39)), outages=[(25, 30)]).double_covered_ms == 5_000


@pytest.mark.parametrize(("text", "recovery"), [("F5", None), ("F5 S10 P10", None), ("S2 F30 S32 P60", None)])
def test_recovery_needs_a_failed_attempt_and_a_covered_start(text: str, recovery: int | None) -> None:
    """Nothing that follows, or nothing that it covers, or a session that failed midway, is no recovery."""
    assert read(call(text)).recovery_us == recovery


@pytest.mark.parametrize(
    ("accepted", "recovery_ms"), [(("siprec", "native"), 5_000), (("native",), 15_000), (("siprec",), 5_000)]
)
def test_recovery_is_by_a_source_that_the_policy_accepts(accepted: tuple[str, ...], recovery_ms: int) -> None:
    """A start that covers nothing under the policy recovers nothing."""
    policy = Policy(accepted_sources=accepted)
    assert read(call("F5 S10 P60", saved(20, 60)), policy).recovery_ms == recovery_ms


def test_unrecorded_says_whether_failure_was_told() -> None:
    """An explicit failure of either kind, or silence; and nothing where something was recorded."""
    error = made.event("call.recording.error", 61_000)
    rows = [read(call("F5")), read(call("", error)), read(call()), read(call("F5 S7 P60"))]
    assert [row.unrecorded_evidence for row in rows] == [
        "explicit_failure",
        "explicit_failure",
        "absence_of_events",
        None,
    ]


@pytest.mark.parametrize(
    ("events", "grade"),
    [
        (call("S2 P60"), "A"),
        (call(), "A"),
        (call("S2"), "B"),
        (call("S3 P60", made.event("call.bridged", 3_000), answered=None), "B"),
        (call("S2 S3 P30"), "D"),
        (call("S10 S11 P30"), "D"),
        (call(answered=None), None),
    ],
)
def test_grade(events: list[Event], grade: str | None) -> None:
    """The grade is that of the weakest evidence a verdict rests on."""
    assert read(events).evidence_grade == grade


@pytest.mark.parametrize(
    ("events", "policy", "over_us"),
    [
        (call("S10 P30"), MUST_NOT, 20 * SECOND),
        (call("S10"), MUST_NOT, 50 * SECOND),
        (call("S10 P30"), replace(MUST_NOT, accepted_sources=()), 20 * SECOND),
        (call("", saved(10, 20)), MUST_NOT, 10 * SECOND),
        (call("", saved(None, 20)), MUST_NOT, None),
        (call("P30"), MUST_NOT, None),
        (call("S10 P30", hangup=None), MUST_NOT, None),
        (call("S1", answered=None), MUST_NOT, None),
    ],
)
def test_over_recording(events: list[Event], policy: Policy, over_us: int | None) -> None:
    """What must not be recorded is out of scope, and recording it a finding, by whatever source, measured or not."""
    row = read(events, policy)
    assert (row.verdict, row.obligation, row.over_recorded_us) == ("not_in_scope", "must_not_record", over_us)
    assert "over_recorded" in row.flags
    assert seconds(row) == (None, None, None, None)


@pytest.mark.parametrize("text", ["", "F5", "S61"])
def test_nothing_recorded_is_no_over_recording(text: str) -> None:
    """A call that was left alone, or failed to be recorded, is no finding."""
    row = read(call(text), MUST_NOT)
    assert (row.flags, row.over_recorded_us) == ((), 0)


def test_recording_out_of_scope_is_no_finding() -> None:
    """Where recording is neither asked for nor forbidden nothing is measured."""
    row = read(call("S2 P60"), Policy(in_scope=False))
    assert (row.flags, row.over_recorded_us, row.obligation) == ((), None, "none")


@pytest.mark.parametrize(
    ("transfer", "flags"),
    [
        ("started completed", ("left_observability_after_refer",)),
        ("completed", ("left_observability_after_refer",)),
        ("started", ("may_have_left_observability",)),
        ("started failed", ()),
        ("started failed completed", ("may_have_left_observability",)),
        ("started started failed", ()),
    ],
)
def test_transfer(transfer: str, flags: tuple[str, ...]) -> None:
    """After a completed transfer the conversation goes on unseen; after an unconfirmed or contradicted one it may."""
    told = [made.event(f"call.refer.{kind}", 30_000 + at) for at, kind in enumerate(transfer.split())]
    assert read(call("S2 P60", *told)).flags == flags


def test_transfer_is_unconfirmed_only_when_the_grace_is_over() -> None:
    """While it is pending nothing is said of it."""
    events = call("S2 P60", made.event("call.refer.started", 30_000))
    assert read(events, as_of=61 * SECOND).flags == ()


@pytest.mark.parametrize(("direction", "number"), [("incoming", "called"), ("outgoing", "calling"), (None, None)])
def test_number_is_the_one_on_our_side(direction: str | None, number: str | None) -> None:
    """Called where the leg comes in, calling where it goes out."""
    told = {"from": "calling", "to": "called", "direction": direction}
    assert read(call("", made.event("call.initiated", 1, **told))[1:]).number == number


def test_row_rests_on_its_evidence() -> None:
    """Positions are those of the events that say something of the recording, not of every event of the leg."""
    events = call("S2 P60", made.event("call.cost", 65_000), saved(2, 60))
    assert read(events).positions == (0, 1, 2, 3, 4, 6)


def command(track: str | None, at: float | None = None) -> Command:
    """Make a command that starts a SIPREC session."""
    return Command("leg-1", "siprec_start", None if at is None else round(at * SECOND), track)


IN, OUT, BOTH = "inbound_track", "outbound_track", "both_tracks"


@pytest.mark.parametrize(
    ("text", "commands", "verdict"),
    [
        ("S2 P60", [(IN, None)], "partial_track"),
        ("S2 P60", [(None, None)], "full"),
        ("S2 P60", [(BOTH, 1)], "full"),
        ("S2", [(IN, 1)], "partial_track"),
        ("S2 P30", [(IN, 1)], "partial"),
        ("S2 S2.1 P60 P60", [(IN, None), (OUT, None)], "full"),
        ("S2 S2.1 P60 P60", [(IN, 1), (OUT, 1.5)], "full"),
        ("S2 S2.1 P60 P60", [(IN, 1), (IN, 1.5)], "partial_track"),
        ("S2 S2.1", [(IN, 1), (OUT, 1.5)], "full_inferred"),
        ("F2 S2.1 P60", [(IN, None), (OUT, None)], "partial_track"),
        ("S2 F2.1 P60", [(IN, None), (OUT, None)], "partial_track"),
        ("S2 F2.1 F30 P60", [(IN, None), (OUT, None)], "unknown"),  # one command more than starts: one attempt
        ("S2 F2.2 P60", [(IN, 1), (OUT, 2.1)], "partial_track"),
        ("S2 F2.2 P60", [(BOTH, 1), (OUT, 2.1)], "full"),
        ("S2 S9 P60 P60", [(IN, 1), (OUT, 8)], "partial_track"),
        ("S2 P60", [(IN, 1), (OUT, 1.5)], "partial_track"),
        # The first was refused: the one session is that of the latest command before it.
        ("S2 P60", [(IN, 0.5), (BOTH, 1)], "full"),
        # Started again without a command that we know of: as last asked for.
        ("S2 P30 S30.5 P60", [(IN, 1)], "partial_track"),
        ("S2 P30 S30.5 P60", [(IN, 1), (BOTH, 30)], "partial_track"),
        ("F2 S4 P60", [(IN, 1), (BOTH, 3)], "full"),
    ],
)
def test_tracks(text: str, commands: list[tuple[str | None, float | None]], verdict: str) -> None:
    """One-sided requests cover both sides only if each side's session is covered."""
    row = read(call(text), commands=[command(track, at) for track, at in commands])
    assert (row.verdict, row.track_evidence) == (verdict, "command")


def test_side_that_is_required_is_the_one_that_counts() -> None:
    """Where the policy asks for one side, a session of the other is worth nothing and its own is full."""
    asked = Policy(required_track=IN)
    assert read(call("S2 P60"), asked, commands=[command(IN)]).verdict == "full"
    assert read(call("S2 P60"), asked, commands=[command(OUT)]).verdict == "partial_track"


def test_native_recording_has_both_sides() -> None:
    """A one-sided SIPREC session beside a native recording leaves nothing out."""
    assert read(call("S2 P60", saved(2, 60)), commands=[command(IN)]).verdict == "full"


def test_track_evidence_without_commands() -> None:
    """Without a command nothing says which track a session has, and without either there is nothing to say."""
    assert read(call("S2 P60")).track_evidence == "unknown"
    assert read(call()).track_evidence is None
    stop = Command("leg-1", "siprec_stop", 50 * SECOND)
    assert read(call("S2 P60"), commands=[stop]).track_evidence == "unknown"
