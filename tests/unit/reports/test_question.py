"""Breakdowns, and the tables that carry a question into SQL."""

import orjson
import pandas as pd
import pytest

from reports import TITLES, calendar, question, registry
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
        ("tag:desk,week", ("week", "tag:desk")),
        ("number,connection", ("connection", "number")),
        ("connection,hour,day", ("day", "hour", "connection")),
        (["tag:a,b"], ("tag:a,b",)),
        ((), ()),
    ],
)
def test_breakdown_is_read_in_one_order(by: str | list[str], expected: tuple[str, ...]) -> None:
    """Whatever order it is asked in, rows are grouped by day, then connection."""
    assert question.breakdown(by) == expected


@pytest.mark.parametrize("by", ["month", "day,minute", "", ["connection_id"], "tag", "tag:", "tag:a,tag:b"])
def test_breakdown_is_refused_when_unknown(by: str | list[str]) -> None:
    """What a report cannot be broken down by is refused with a stable reason."""
    with pytest.raises(GroupingUnknown) as refused:
        question.breakdown(by)
    assert refused.value.reason == "grouping_unknown"


def test_frames_hold_the_period_and_the_breakdown() -> None:
    """The SQL sees every segment of the period and one row of flags."""
    frames = Question(PERIOD, ("day",)).frames()
    (asked,) = frames["asked"].to_pylist()
    assert asked == {
        **dict.fromkeys(("by_week", "by_hour", "by_connection", "by_number", "by_tag"), 0),
        "by_day": 1,
        "late_us": 900_000_000,
        "start_us": 1_792_796_400_000_000,
        "end_us": 1_792_796_400_000_000 + 49 * 3_600_000_000,
    }
    assert [row["day"] for row in frames["calendar"].to_pylist()] == ["2026-10-24"] * 2 + ["2026-10-25"] * 2
    assert sum(row["end_us"] - row["start_us"] for row in frames["calendar"].to_pylist()) == 49 * 3_600_000_000


def test_groups_by_day_hold_the_days_without_calls() -> None:
    """A breakdown by day shows every day of the period, in a total there is one group, always."""
    nothing = question.keyed(pd.DataFrame({"day": []}, dtype="str"))
    assert Question(PERIOD, ("day",)).groups(nothing)["day"].tolist() == ["2026-10-24", "2026-10-25"]
    assert len(Question(PERIOD, ()).groups(nothing)) == 1
    assert len(Question(PERIOD, ("connection",)).groups(nothing)) == 0


def test_groups_by_week_are_the_mondays_of_the_period() -> None:
    """Saturday and Sunday lie in the ISO week of the Monday before; the day after begins the next."""
    nothing = question.keyed(pd.DataFrame({"day": []}, dtype="str"))
    assert Question(PERIOD, ("week",)).groups(nothing)["week"].tolist() == ["2026-10-19"]
    longer = Question(calendar.period("2026-10-24", "2026-10-27", "UTC"), ("week",))
    assert longer.groups(nothing)["week"].tolist() == ["2026-10-19", "2026-10-26"]
    assert {row["week"] for row in longer.frames()["calendar"].to_pylist()} == {"2026-10-19", "2026-10-26"}


def test_trend_is_the_thirteen_weeks_up_to_the_end() -> None:
    """They begin on a Monday and end with the period, also where the last week is not over."""
    trend = Question(PERIOD, ("connection",)).trend()
    assert (trend.period.first.isoformat(), trend.period.end, trend.by) == ("2026-07-27", PERIOD.end, ("week",))
    assert len({question.week_of(day) for day in trend.period.days}) == question.TREND_WEEKS


@pytest.mark.parametrize(
    ("tags", "value"),
    [
        ([], None),
        (["desk"], "desk"),
        (["desk:b", "desk=a", "other"], "a, b"),
        (["desk", "desk:x"], "desk, x"),
        (["desks", "a:desk", "Desk:x"], None),
        (["desk:"], None),
        (["desk:a:b", "desk:a:b"], "a:b"),
    ],
)
def test_tag_has_the_value_that_follows_its_name(tags: list[str], value: str | None) -> None:
    """A tag that is the name says so; one that begins with it and a mark says the rest; several are sorted."""
    assert question.tag_value(tags, "desk") == value
    assert Question(PERIOD, ("tag:desk",)).frames([orjson.dumps(tags).decode()])["tagged"].to_pylist() == [
        {"tags": orjson.dumps(tags).decode(), "value": value}
    ]


def test_report_is_not_broken_down_by_the_hour_unless_it_says_so() -> None:
    """The hour is for causes and volume; others refuse it and say what they have."""
    allowed = [name for name in TITLES if "hour" in registry.find(name).breakdowns]
    assert allowed == ["call_volume", "failure_causes"]
    with pytest.raises(GroupingUnknown, match="cannot be broken down by 'hour'; by total, day"):
        question.breakdown("hour", registry.BREAKDOWNS)
