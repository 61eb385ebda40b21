"""The published edge cases, through the fold."""

from dataclasses import asdict
from datetime import date, timedelta

import pytest

from calls.instants import MILLISECOND
from calls.records import TABLES, CallRecord
from reports import calendar
from tests.unit.calls import edge_cases
from tests.unit.calls.edge_cases import Case, Rows

CASES = [
    pytest.param(case, id=case.name)
    for case in edge_cases.cases("log", "leg", "refer", "siprec", "cause", "coverage", "bucket")
]


def told(record: CallRecord, table: str) -> Rows:
    """Give the rows of a table as dictionaries."""
    return [asdict(row) for row in getattr(record, table)]


@edge_cases.needs_file
@pytest.mark.parametrize("case", CASES)
def test_fold_gives_the_expected_rows_of(case: Case) -> None:
    """Every row a published case expects is what the fold makes of its events."""
    record = case.fold()
    for table, rows in case.rows.items():
        if table in TABLES:
            assert edge_cases.differences(rows, told(record, table)) == []


@edge_cases.needs_file
@pytest.mark.parametrize("case", [case for case in CASES if case.values[0].gaps])
def test_uncovered_spans_are_the_gaps_of(case: Case) -> None:
    """The gaps that a published case expects are the uncovered spans of its legs, no more and no fewer."""
    record = case.fold()
    for number, gaps in case.gaps.items():
        leg = record.coverage[number].call_leg_id
        spans = [span for span in record.coverage_spans if (span.call_leg_id, span.kind) == (leg, "uncovered")]
        assert tuple((span.started_at, span.ended_at) for span in spans) == gaps


@edge_cases.needs_file
@pytest.mark.parametrize("case", [case for case in CASES if "day_split" in case.values[0].expect])
def test_days_of_the_calendar_split_the_talk_time_of(case: Case) -> None:
    """The days that a published case expects, in its zone, are those of a report's calendar over its spans."""
    split = case.expect["day_split"]
    days: dict[str, int] = {}
    (covered,) = (row for row in case.fold().coverage)
    first, *_, last = (date.fromisoformat(day) for day in (split["days"][0][0], split["days"][-1][0]))
    for segment in calendar.segments(calendar.period(first, last + timedelta(1), split["timezone"])):
        common_us = min(segment.end_us, covered.hangup_at or 0) - max(segment.start_us, covered.answered_at or 0)
        if common_us > 0:
            days[segment.day] = days.get(segment.day, 0) + common_us // MILLISECOND
    assert [list(day) for day in days.items()] == split["days"]
    assert sum(days.values()) == covered.answered_ms


@edge_cases.needs_file
def test_late_event_revises_final_rows() -> None:
    """EC-010: the rows before a late stop are revision 1, those after it revision 2, and name it."""
    (case,) = (case for case in edge_cases.cases("log") if case.rows_before)
    before, after = case.fold(case.events[:-1]), case.fold()
    for table in ("siprec_sessions", "coverage"):
        assert edge_cases.differences(case.rows_before[table], told(before, table)) == []
        assert edge_cases.differences(case.rows[table], told(after, table)) == []
    for table in ("call_sessions", "call_legs", "siprec_sessions", "coverage", "session_coverage"):
        assert [(row["revision"], row["revised_by"]) for row in told(before, table)] == [(1, None)]
        assert [(row["revision"], row["revised_by"]) for row in told(after, table)] == [(2, "ec-010-e05")]


def test_differences_name_what_is_wrong() -> None:
    """The matcher is no rubber stamp: number, value, missing field and flags are all compared."""
    row = {"seq": 1, "ended_at": "1970-01-01T00:00:01.000000Z", "flags": ["a", "b"]}
    assert edge_cases.differences([{"seq": 1, "ended_at": 1_000_000, "flags": ["a"]}], [row]) == []
    for wrong in (
        {"seq": 2},
        {"ended_at": 2},
        {"ended_at": None},
        {"flags": []},
        {"flags": ["c"]},
        {"x": None},
    ):
        assert len(edge_cases.differences([wrong], [row])) == 1
    assert edge_cases.differences([], [row]) == ["1 rows instead of 0"]
