"""The published edge cases, through the fold."""

from dataclasses import asdict

import pytest

from calls.fold import fold, fold_with_history
from calls.records import TABLES, CallRecord
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
    record = fold(case.events, case.as_of, case.policy)
    for table, rows in case.rows.items():
        if table in TABLES:
            assert edge_cases.differences(rows, told(record, table)) == []


@edge_cases.needs_file
def test_late_event_revises_final_rows() -> None:
    """EC-010: the rows before a late stop are revision 1, those after it revision 2, and name it."""
    (case,) = (case for case in edge_cases.cases("log") if case.rows_before)
    before = fold_with_history(case.events[:-1], case.as_of, case.policy)
    after = fold_with_history(case.events, case.as_of, case.policy)
    assert edge_cases.differences(case.rows_before["siprec_sessions"], told(before, "siprec_sessions")) == []
    assert edge_cases.differences(case.rows["siprec_sessions"], told(after, "siprec_sessions")) == []
    for table in ("call_sessions", "call_legs", "siprec_sessions"):
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
