"""SIPREC rows and the time they prove: the published edge cases, and each rule of domain 8b in a row or two.

Sequences are written ``"S2 F30 P60"``: a start after 2 seconds, a failure after 30, a stop after 60.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import evidence, legs, siprec
from calls.event import Event
from calls.instants import MILLISECOND, SECOND, Instant
from calls.policy import DEFAULT
from calls.proof import Proof
from calls.records import CallLeg
from tests.unit.calls import edge_cases, made
from tests.unit.calls.edge_cases import Case

KINDS = {"S": siprec.STARTED, "P": siprec.STOPPED, "F": siprec.FAILED}
CAUSES: dict[str, dict[str, Any]] = {
    "S": {},
    "P": {"hangup_cause": "normal_clearing"},
    "F": {"failure_cause": "no_answer"},
}
GRADES = ("confirmed", "inferred", "unknown")

CASES = [
    pytest.param(case, id=case.name)
    for case in edge_cases.cases("log", "leg", "siprec", "cause", "coverage", "bucket")
    if any("siprec" in event.kind for event in case.events)
]
NOT_BY_SIPREC_ALONE = {"EC-094", "EC-100", "EC-111"}
"""Cases whose coverage native recordings or an outage decide too."""


def told(text: str) -> list[Event]:
    """Make the events of a sequence as in the module docstring."""
    return [
        made.event(KINDS[word[0]], float(word[1:]) * 1000, position=position, **CAUSES[word[0]])
        for position, word in enumerate(text.split())
    ]


def leg(answered: float | None = 2, hangup: int | None = 60, **fields: Any) -> CallLeg:
    """Make a leg answered and hung up after so many seconds."""
    answered_at = None if answered is None else round(answered * SECOND)
    return made.leg(None if hangup is None else hangup * 1000, answered_at=answered_at, **fields)


UP = leg(hangup=None)
STALE = leg(hangup=None, status="stale")


def read(text: str, of: CallLeg | None = None, commanded: Sequence[float] = ()) -> siprec.Reading:
    """Read a sequence of one leg; ``commanded`` in seconds."""
    starts = [round(at * SECOND) for at in commanded]
    return siprec.read(told(text), of or leg(), 0, DEFAULT, starts)


def brief(reading: siprec.Reading) -> list[tuple[str, float | None, float | None, str]]:
    """Give status, start and end in seconds, and flags of each row."""
    rows = reading.rows
    return [(row.status, seconds(row.started_at), seconds(row.ended_at), " ".join(row.flags)) for row in rows]


def seconds(at: Instant | None) -> float | None:
    """Give an instant in seconds."""
    return None if at is None else at / SECOND


def spans(proof: Proof) -> dict[str, list[tuple[float, float]]]:
    """Give what a proof holds, in seconds, without what it does not."""
    named: dict[str, tuple[tuple[Instant, Instant], ...]] = {name: getattr(proof, name) for name in GRADES}
    return {name: [(a / SECOND, b / SECOND) for a, b in its] for name, its in named.items() if its}


def by_leg(case: Case) -> list[tuple[CallLeg, siprec.Reading]]:
    """Read each leg of a case."""
    facts = evidence.sift(case.events).facts
    read_legs: list[tuple[CallLeg, siprec.Reading]] = []
    for name in dict.fromkeys(event.call_leg_id for event in facts if event.call_leg_id):
        its = [event for event in facts if event.call_leg_id == name]
        row = legs.read(name, its, "ses-1", case.as_of, case.policy).row
        read_legs.append((row, siprec.read(its, row, case.as_of, case.policy)))
    return read_legs


@edge_cases.needs_file
@pytest.mark.parametrize("case", CASES)
def test_read_when_the_case_is_published(case: Case) -> None:
    """Every published case gives the rows it expects."""
    rows = [asdict(row) for _, reading in by_leg(case) for row in reading.rows]
    assert edge_cases.differences(case.rows.get("siprec_sessions", rows), rows) == []


@edge_cases.needs_file
@pytest.mark.parametrize("case", [case for case in CASES if case.id not in NOT_BY_SIPREC_ALONE])
def test_proof_when_the_case_is_published(case: Case) -> None:
    """The proof, cut at the answer, has the milliseconds that a case expects of coverage."""
    for (row, reading), wanted in zip(by_leg(case), case.rows.get("coverage", ()), strict=False):
        for grade in GRADES:
            cut = (end - max(start, row.answered_at or 0) for start, end in getattr(reading.proof, grade))
            total = sum(max(0, length) for length in cut)
            assert total // MILLISECOND == wanted.get(f"{grade}_ms", total // MILLISECOND), grade


@pytest.mark.parametrize(
    ("text", "of", "expected"),
    [
        ("", leg(), []),
        ("S3 P50", leg(), [("stopped", 3, 50, "")]),
        ("S3", leg(), [("closed_by_hangup", 3, 60, "stop_missing")]),
        ("S3", UP, [("open", 3, None, "")]),
        ("S3", STALE, [("stale_open", 3, None, "")]),
        ("P50", leg(), [("stopped_without_start", None, 50, "start_missing")]),
        ("F3", leg(), [("failed", None, 3, "")]),
        ("S3 F30", leg(), [("failed_midway", 3, 30, "")]),
        ("S3 F30", UP, [("failed_midway", 3, 30, "end_in_doubt")]),
        ("S3 F30 P50", leg(), [("failed_midway", 3, 30, "end_in_doubt")]),
        ("S3 F30 F50", leg(), [("failed_midway", 3, 30, "end_in_doubt"), ("failed", None, 50, "")]),
        ("S1 P50", leg(), [("stopped", 1, 50, "pre_answer_start")]),
        ("S1 P50", leg(answered=None), [("stopped", 1, 50, "")]),
        ("S3 P60", leg(), [("stopped", 3, 60, "")]),
        ("S3 P61", leg(), [("stopped", 3, 61, "stop_after_hangup")]),
        ("P61", leg(), [("stopped_without_start", None, 61, "start_missing stop_after_hangup")]),
        ("S60", leg(), [("closed_by_hangup", 60, 60, "stop_missing")]),
        ("S61", leg(), [("closed_by_hangup", 61, 61, "start_after_hangup stop_missing")]),
        ("S61 P62", leg(), [("stopped", 61, 62, "start_after_hangup stop_after_hangup")]),
    ],
)
def test_read_when_sessions_do_not_meet(text: str, of: CallLeg, expected: list[object]) -> None:
    """One session at a time reads as domain 4.3 and 8b say."""
    assert brief(read(text, of)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "S3 S4 P30",
            [
                ("stopped", 3, 30, ""),
                ("closed_by_hangup", 4, 60, "overlaps_open_session stop_missing tail_unknown"),
            ],
        ),
        (
            "S3 S4",
            [
                ("closed_by_hangup", 3, 60, "stop_missing"),
                ("closed_by_hangup", 4, 60, "overlaps_open_session stop_missing"),
            ],
        ),
        ("S3 S4 P30 P50", [("stopped", 3, 30, ""), ("stopped", 4, 50, "overlaps_open_session")]),
        ("S3 F20 S25 P50", [("failed_midway", 3, 20, ""), ("stopped", 25, 50, "")]),
        (
            "S3 F20 S25 P40 P50",
            [("failed_midway", 3, 20, "end_in_doubt"), ("stopped", 25, 40, "end_in_doubt")],
        ),
        (
            "S3 S4 F10 P20 F30",
            [
                ("failed_midway", 3, 10, "end_in_doubt"),
                ("failed_midway", 4, 30, "end_in_doubt overlaps_open_session"),
            ],
        ),
        ("F3 P50", [("failed", None, 3, ""), ("stopped_without_start", None, 50, "start_missing")]),
    ],
)
def test_read_when_sessions_meet(text: str, expected: list[object]) -> None:
    """Sessions that overlap end in the order they started, and what may be otherwise is flagged."""
    assert brief(read(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P3 S4", [("stopped", 4, 4, "clock_skew")]),
        ("P3 S5", [("stopped", 5, 5, "clock_skew")]),
        (
            "P3 S5.000001",
            [
                ("stopped_without_start", None, 3, "start_missing"),
                ("closed_by_hangup", 5.000001, 60, "stop_missing"),
            ],
        ),
        ("P3 S4 P50", [("stopped_without_start", None, 3, "start_missing"), ("stopped", 4, 50, "")]),
        ("S2 P3 S4", [("stopped", 2, 3, ""), ("closed_by_hangup", 4, 60, "stop_missing")]),
        (
            "P3 S4 S4.5",
            [("stopped", 4, 4, "clock_skew"), ("closed_by_hangup", 4.5, 60, "stop_missing")],
        ),
        ("P3 P3.5 S4 S5", [("stopped", 4, 4, "clock_skew"), ("stopped", 5, 5, "clock_skew")]),
        (
            "P3 S4 S4.5 P50",
            [("stopped", 4, 50, ""), ("stopped", 4.5, 4.5, "clock_skew")],
        ),
    ],
)
def test_read_when_a_stop_is_stamped_before_its_start(text: str, expected: list[object]) -> None:
    """A stop without a start, then a start without an end, within the skew, are one session of no length."""
    assert brief(read(text)) == expected


@pytest.mark.parametrize(
    ("commanded", "expected"),
    [
        ((2.5,), [("failed_midway", 3, 30, "end_in_doubt")]),
        ((2.5, 31), [("failed_midway", 3, 30, "end_in_doubt")]),
        ((2.5, 29), [("stopped", 3, 50, ""), ("failed", None, 30, "attempt_during_open_session")]),
        ((30, 2.5), [("stopped", 3, 50, ""), ("failed", None, 30, "attempt_during_open_session")]),
    ],
)
def test_read_when_starts_are_commanded(commanded: tuple[float, ...], expected: list[object]) -> None:
    """A command between start and failure makes the failure that attempt's."""
    assert brief(read("S3 F30 P50", commanded=commanded)) == expected


def test_read_when_a_command_was_answered() -> None:
    """A command that a start or a failure answered says nothing of later failures."""
    assert brief(read("S3 S10 F30 P50", commanded=(2, 9))) == [
        ("failed_midway", 3, 30, ""),
        ("stopped", 10, 50, "overlaps_open_session"),
    ]
    assert [row.status for row in read("S3 F30 F40", commanded=(2, 29)).rows] == ["failed_midway", "failed"]
    assert [row.status for row in read("F3", commanded=(2,)).rows] == ["failed"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S3 P50", {"confirmed": [(3, 50)]}),
        ("S3", {"inferred": [(3, 60)]}),
        ("S3 F30", {"confirmed": [(3, 30)]}),
        ("S3 F30 P50", {"confirmed": [(3, 30)], "unknown": [(30, 50)]}),
        ("S3 S4 P30", {"confirmed": [(3, 30)], "unknown": [(30, 60)]}),
        ("S3 S4 P30 S40", {"confirmed": [(3, 30)], "inferred": [(40, 60)], "unknown": [(30, 40)]}),
        ("S3 S4", {"inferred": [(3, 60)]}),
        ("P50", {"unknown": [(2, 50)]}),
        ("F5 P50", {"unknown": [(5, 50)]}),
        ("S3 P10 P50", {"confirmed": [(3, 10)], "unknown": [(10, 50)]}),
        ("S3 F20 S25 P40 P50", {"confirmed": [(3, 20), (25, 40)], "unknown": [(20, 25), (40, 50)]}),
        ("P3 S4", {}),
        ("S3 P70", {"confirmed": [(3, 60)]}),
        ("P70", {"unknown": [(2, 60)]}),
        ("S61 P70", {}),
        ("S1 P1.5 S55", {"confirmed": [(1, 1.5)], "inferred": [(55, 60)]}),
    ],
)
def test_proof_when_hung_up(text: str, expected: Mapping[str, list[tuple[float, float]]]) -> None:
    """Time all readings call covered is proven, time only some call covered is unknown, up to the hangup."""
    assert spans(read(text).proof) == expected


def test_proof_when_the_call_is_up_or_was_not_answered() -> None:
    """Without a hangup nothing is proven; without an answer a lost start has no earliest time."""
    assert spans(read("S3 P50", UP).proof) == {}
    assert spans(read("P50", leg(answered=None)).proof) == {}
    assert spans(read("F5 P50", leg(answered=None)).proof) == {"unknown": [(5, 50)]}


@pytest.mark.parametrize(
    ("field", "text", "raw", "expected"),
    [
        ("hangup_cause", "S3 P50", "normal_clearing", ("NORMAL_CLEARING", 16, False)),
        ("hangup_cause", "S3 P50", "media_timeout", ("MEDIA_TIMEOUT", None, True)),
        ("failure_cause", "S3 F50", "recovery_on_timer_expire", ("RECOVERY_ON_TIMER_EXPIRE", 102, True)),
        ("failure_cause", "S3 F50", 102, ("RECOVERY_ON_TIMER_EXPIRE", 102, True)),
        ("failure_cause", "F50", ["odd"], ("UNKNOWN", None, False)),
        ("other", "S3 P50", "x", (None, None, False)),
    ],
)
def test_cause_of_a_row(field: str, text: str, raw: Any, expected: tuple[object, ...]) -> None:
    """A stop carries hangup_cause and a failure failure_cause, kept raw; lost media is flagged."""
    events = told(text)
    events[-1] = made.event(events[-1].kind, 50_000, **{field: raw})
    (row,) = siprec.read(events, leg(), 0, DEFAULT).rows
    assert (row.cause_name, row.cause_q850, "media_lost_before_end" in row.flags) == expected
    assert row.cause_raw == (None if field == "other" else raw)


def test_cause_when_the_hangup_closes_the_session() -> None:
    """A session closed by the hangup has an end and no cause of its own."""
    (row,) = read("S3").rows
    assert (row.end_evidence, row.duration_ms, row.cause_raw, row.cause_form) == (
        "call.hangup",
        57_000,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("text", "of", "evidence_kind", "duration_us"),
    [
        ("S3 P50", leg(), "siprec.stopped", 47 * SECOND),
        ("S3 F50", leg(), "siprec.failed", 47 * SECOND),
        ("F50", leg(), "siprec.failed", 0),
        ("P50", leg(), "siprec.stopped", None),
        ("P3 S4", leg(), "siprec.stopped", 0),
        ("S3", UP, None, None),
        ("S3", STALE, None, None),
        ("S61", leg(), "call.hangup", 0),
        ("S3 P61.0015", leg(), "siprec.stopped", 58_001_500),
    ],
)
def test_end_of_a_row(text: str, of: CallLeg, evidence_kind: str | None, duration_us: int | None) -> None:
    """A row says what ended it and how long it was: 0 for an attempt, None where an end is unknown."""
    (row,) = read(text, of).rows
    assert (row.end_evidence, row.duration_us) == (evidence_kind, duration_us)
    assert row.duration_ms == (None if duration_us is None else duration_us // 1000)


@given(st.lists(st.tuples(st.sampled_from("SPF"), st.integers(0, 12)), max_size=12), st.booleans())
def test_read_gives_each_event_one_row(words: list[tuple[str, int]], hung_up: bool) -> None:
    """Each event is evidence of exactly one row, rows are numbered in order, and the proof fits the call."""
    ordered = sorted(words, key=lambda word: (word[1], "SFP".index(word[0])))
    reading = read(" ".join(f"{letter}{at}" for letter, at in ordered), leg(2, 10) if hung_up else UP)
    assert sorted(p for row in reading.rows for p in row.positions) == list(range(len(words)))
    assert [row.seq for row in reading.rows] == list(range(1, len(reading.rows) + 1))
    places = [row.ended_at if row.started_at is None else row.started_at for row in reading.rows]
    assert places == sorted(places, key=lambda at: at or 0)
    edges = sorted(span for name in GRADES for span in getattr(reading.proof, name))
    assert all(a < b <= 10 * SECOND for a, b in edges)
    assert all(before[1] <= after[0] for before, after in pairwise(edges))
    assert hung_up or not edges


def test_read_when_other_kinds_are_given() -> None:
    """Events of other kinds, known or not, are passed over."""
    others = [made.event("siprec.resumed", 55_000), made.event("call.hangup", 60_000)]
    assert siprec.read([*told("S3 P50"), *others], leg(), 0, DEFAULT) == read("S3 P50")


def test_rows_carry_what_the_leg_says() -> None:
    """Ids, connection and finality of a row are those of its leg."""
    (row,) = read("S3 P50", leg(finality="final")).rows
    assert (row.call_session_id, row.call_leg_id, row.connection_id, row.finality) == (
        "ses-1",
        "leg-1",
        "con-1",
        "final",
    )
