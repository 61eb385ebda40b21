"""No leg and no microsecond is lost or counted twice, however a period is cut or its legs are grouped."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import calendar, question, registry
from reports.question import Question
from tests.unit.reports import report_rows as rows

REPORT = registry.find("recording_coverage")
HOUR_US = 3_600_000_000
GROUPINGS = ("day", "week", "connection", "number", "tag:desk", "day,connection,number,tag:desk")

# Each around a day of 23, 25, 24.5 or 23.5 hours.
CHANGES = [
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/London", date(2026, 3, 29)),
    ("Europe/London", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
]


def sums(engine: Any, period: calendar.Period, by: str) -> Counter[str]:
    """Add up what the SQL alone says, in whole numbers: every count and every microsecond."""
    asked = Question(period, question.breakdown(by))
    tag_sets = engine.read("SELECT DISTINCT tags FROM facts.coverage", {}).frame["tags"].tolist()
    answer = engine.read(REPORT.sql, asked.frames(tag_sets)).frame
    added = [name for name in answer.columns if name.endswith(("_count", "_us")) and "delay" not in name]
    totals: Counter[str] = Counter()
    for verdict, *values in answer[["verdict", *added]].fillna(0).itertuples(index=False):
        totals.update({f"{verdict} {name}": int(value) for name, value in zip(added, values, strict=True)})
    return +totals


@st.composite
def legs(draw: st.DrawFn, middle_us: int) -> rows.Leg:
    """Draw a leg that lies near the middle of a period of some days, of a second to two days."""
    spans = draw(st.lists(st.tuples(st.sampled_from(rows.PARTS), st.integers(1, 12 * HOUR_US)), min_size=1, max_size=4))
    return rows.covered(
        draw(st.sampled_from(("full", "partial", "unknown", "pending", "not_eligible"))),
        spans,
        answered_at=middle_us + draw(st.integers(-60 * HOUR_US, 60 * HOUR_US)),
        call_leg_id=str(draw(st.uuids())),
        connection_id=draw(st.sampled_from((None, "a", "b"))),
        number=draw(st.sampled_from((None, "1", "2"))),
        tags=draw(st.sampled_from(((), ("desk",), ("desk:a",), ("desk=a", "desk:b"), ("other",)))),
    )


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_groups_and_days_add_up_to_the_whole(zone: str, change: date, data: st.DataObject) -> None:
    """By any grouping, and as the sum of periods of one day each, the figures are those of the period."""
    whole = calendar.period(change - timedelta(1), change + timedelta(2), zone)
    (first, *_) = calendar.segments(calendar.period(change, change + timedelta(1), zone))
    engine = rows.engine(*data.draw(st.lists(legs(first.start_us), max_size=12)))
    total = sums(engine, whole, "total")
    assert {by: sums(engine, whole, by) for by in GROUPINGS} == dict.fromkeys(GROUPINGS, total)
    days = [calendar.period(day, date.fromisoformat(day) + timedelta(1), zone) for day in whole.days]
    assert sum((sums(engine, day, "total") for day in days), Counter()) == total


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_leg_over_the_whole_period_fills_each_day_exactly(zone: str, change: date) -> None:
    """A leg that talks through the change of the clock has as much time on each day as that day has."""
    period = calendar.period(change - timedelta(1), change + timedelta(2), zone)
    segments = calendar.segments(period)
    before, length = segments[0].start_us - HOUR_US, segments[-1].end_us - segments[0].start_us + 2 * HOUR_US
    engine = rows.engine(rows.covered("full", [("confirmed", length)], answered_at=before))
    answer = engine.read(REPORT.sql, Question(period, ("day",)).frames()).frame
    hours: Counter[str] = Counter()
    for segment in segments:
        hours[segment.day] += segment.end_us - segment.start_us
    assert dict(zip(answer["day"], answer["talk_us"], strict=True)) == hours
    assert hours[change.isoformat()] != 24 * HOUR_US
