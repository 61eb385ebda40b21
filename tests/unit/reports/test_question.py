"""Breakdowns, and the tables that carry a question into SQL."""

import pandas as pd
import pytest

from reports import calendar, question
from reports.errors import GroupingUnknown
from reports.question import Question

PERIOD = calendar.period("2026-10-24", "2026-10-26", "Europe/London")


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("total", ()),
        ("day", ("day",)),
        ("connection,day", ("day", "connection")),
        (["connection"], ("connection",)),
        ((), ()),
    ],
)
def test_breakdown_is_read_in_one_order(by: str | list[str], expected: tuple[str, ...]) -> None:
    """Whatever order it is asked in, rows are grouped by day, then connection."""
    assert question.breakdown(by) == expected


@pytest.mark.parametrize("by", ["week", "day,hour", "", ["connection_id"]])
def test_breakdown_is_refused_when_unknown(by: str | list[str]) -> None:
    """What a report cannot be broken down by is refused with a stable reason."""
    with pytest.raises(GroupingUnknown) as refused:
        question.breakdown(by)
    assert refused.value.reason == "grouping_unknown"


def test_frames_hold_the_period_and_the_breakdown() -> None:
    """The SQL sees every segment of the period and one row of flags."""
    frames = Question(PERIOD, ("day",)).frames()
    assert frames["asked"].to_pylist() == [{"by_day": 1, "by_connection": 0}]
    assert [row["day"] for row in frames["calendar"].to_pylist()] == ["2026-10-24"] * 2 + ["2026-10-25"] * 2
    assert sum(row["end_us"] - row["start_us"] for row in frames["calendar"].to_pylist()) == 49 * 3_600_000_000


def test_groups_by_day_hold_the_days_without_calls() -> None:
    """A breakdown by day shows every day of the period, in a total there is one group, always."""
    nothing = pd.DataFrame({"day": [], "connection_id": []}, dtype="str")
    assert Question(PERIOD, ("day",)).groups(nothing)["day"].tolist() == ["2026-10-24", "2026-10-25"]
    assert len(Question(PERIOD, ()).groups(nothing)) == 1
    assert len(Question(PERIOD, ("connection",)).groups(nothing)) == 0
