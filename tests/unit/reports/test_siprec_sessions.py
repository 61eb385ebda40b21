"""The SIPREC report over sessions whose answer can be counted by hand."""

import math
import random
from typing import Any

import pandas as pd
import pytest

import reports
from reports import question, siprec_sessions
from tests.unit.reports import report_rows as rows

SECOND_US = 1_000_000


def report(*sessions: Any, by: str = "total") -> pd.DataFrame:
    """Run the report over the two days around noon."""
    return reports.run("siprec_sessions", rows.engine(*sessions), from_="2026-10-02", to="2026-10-04", by=by)


def test_endings_and_start_success_are_counted() -> None:
    """Every status has its column, and start success is sessions started / (started + failed)."""
    statuses = ["stopped"] * 5 + ["failed"] * 2 + ["failed_midway", "open", "stale_open", "closed_by_hangup"]
    (row,) = report(*map(rows.siprec, statuses)).to_dict("records")
    counts = {name.removesuffix("_count"): row[name] for name in row if name.endswith("_count")}
    assert counts["attempts"] == 11
    assert counts["sessions"] == 9
    assert (counts["stopped"], counts["failed"], counts["failed_midway"], counts["open"]) == (5, 2, 1, 1)
    assert (counts["stale_open"], counts["closed_by_hangup"], counts["stopped_without_start"]) == (1, 1, 0)
    assert row["start_success_rate"] == 9 / 11
    assert row["start_success_low_95"] < 9 / 11 < row["start_success_high_95"]


def test_durations_are_by_nearest_rank_and_rounded_down() -> None:
    """Of 1..20 s the median is the 10th and p95 the 19th; a sum of microseconds is rounded once."""
    sessions = [rows.siprec(duration_us=n * SECOND_US + 999) for n in range(1, 21)]
    (row,) = report(*sessions).to_dict("records")
    assert (row["duration_median_ms"], row["duration_p95_ms"]) == (10_000, 19_000)
    assert row["duration_sum_ms"] == 210_000 + 19  # 20 x 999 us


@pytest.mark.parametrize("size", [1, 2, 3, 20, 21, 39, 40, 41, 1000])
def test_percentile_is_the_least_duration_that_enough_are_at_or_below(size: int) -> None:
    """By nearest rank a percentile is always one of the durations, in whole numbers, ties or not."""
    lengths = random.Random(size).choices(range(0, 1_000 * size, 1_000), k=size)
    (row,) = report(*(rows.siprec(duration_us=length) for length in lengths)).to_dict("records")
    for percent, column in ((50, "duration_median_ms"), (95, "duration_p95_ms")):
        enough = (each for each in lengths if sum(other <= each for other in lengths) * 100 >= percent * size)
        assert row[column] * 1_000 == min(enough)


def test_unknown_duration_is_counted_apart_never_as_zero() -> None:
    """Neither an unknown end nor a failed attempt drags the durations down."""
    known = rows.siprec(duration_us=8 * SECOND_US)
    unknown = rows.siprec("open"), rows.siprec("stopped_without_start")
    (row,) = report(known, *unknown, rows.siprec("failed", duration_us=0)).to_dict("records")
    assert (row["duration_known_count"], row["duration_unknown_count"]) == (1, 2)
    assert (row["duration_sum_ms"], row["duration_median_ms"]) == (8_000, 8_000)


def test_retries_to_success_are_the_failures_before_the_first_session() -> None:
    """Two failed attempts, then a session: one leg, two retries; failures after a success, or alone, are none."""
    legs = {"a": ["failed", "failed", "stopped", "stopped"], "b": ["stopped", "failed", "stopped"], "c": ["failed"] * 2}
    sessions = [
        rows.siprec(status, call_leg_id=leg, seq=seq)
        for leg, statuses in legs.items()
        for seq, status in enumerate(statuses, 1)
    ]
    (row,) = report(*sessions, rows.siprec("failed", call_leg_id="d", seq=1, started_at=rows.NOON)).to_dict("records")
    assert (row["retried_to_success_count"], row["retries_to_success_count"]) == (1, 2)
    assert row["retries_to_success_mean"] == 2
    (row,) = report(rows.siprec("failed", seq=1)).to_dict("records")
    assert (row["retried_to_success_count"], math.isnan(row["retries_to_success_mean"])) == (0, True)


def test_retries_of_the_day_before_count_where_the_session_started() -> None:
    """A leg that failed before the period and recorded within it was retried, whatever the period leaves out."""
    failed = rows.siprec("failed", seq=1, started_at=None, ended_at=rows.NOON - 86_400 * SECOND_US)
    (row,) = report(failed, rows.siprec(seq=2)).to_dict("records")
    assert (row["attempts_count"], row["retries_to_success_count"]) == (1, 1)


def test_failures_midway_are_rated_by_the_hour_recorded() -> None:
    """Two failures in an hour and a half of known recording; their own recorded time has a mean."""
    sessions = [
        rows.siprec("failed_midway", duration_us=600 * SECOND_US),
        rows.siprec("failed_midway", duration_us=1_201 * SECOND_US),
        rows.siprec(duration_us=3_599 * SECOND_US),
        rows.siprec("open"),
    ]
    run = reports.execute("siprec_sessions", rows.engine(*sessions), from_="2026-10-02", to="2026-10-04", by="total")
    (row,) = run.frame.to_dict("records")
    assert row["midway_failures_per_hour"] == 2 / 1.5
    assert row["time_to_failure_mean_ms"] == 900_500
    assert run.shown().loc[0, "midway_failures_per_hour"] == "1.34"
    (row,) = report(rows.siprec("open")).to_dict("records")
    assert math.isnan(row["midway_failures_per_hour"])
    assert pd.isna(row["time_to_failure_mean_ms"])


def test_no_sessions_is_no_rate_and_no_duration() -> None:
    """With nothing to count there is no rate and no duration, and people read so."""
    run = reports.execute("siprec_sessions", rows.engine(), from_="2026-10-02", to="2026-10-04", by="total")
    assert math.isnan(run.frame.loc[0, "start_success_rate"])
    assert run.frame["duration_sum_ms"].isna().all()
    assert run.shown().loc[0, "start_success_rate"] == "no eligible calls"


def test_session_of_zero_length_is_a_known_duration() -> None:
    """A session that ended as it began has a duration, of 0."""
    (row,) = report(rows.siprec(duration_us=0)).to_dict("records")
    assert (row["duration_known_count"], row["duration_sum_ms"], row["duration_median_ms"]) == (1, 0, 0)


def test_failed_attempt_counts_on_the_day_of_its_failure() -> None:
    """A session without a start is placed by its end, and every day of the period shows."""
    frame = report(rows.siprec("failed", started_at=None, ended_at=rows.NOON + 86_400 * SECOND_US), by="day")
    assert frame["day"].tolist() == ["2026-10-02", "2026-10-03"]
    assert frame["failed_count"].tolist() == [0, 1]


def test_failed_attempts_alone_have_no_duration() -> None:
    """Attempts that never started add nothing to the durations, not even a sum of 0."""
    (row,) = report(rows.siprec("failed", duration_us=0)).to_dict("records")
    assert pd.isna(row["duration_sum_ms"])
    assert (row["duration_known_count"], row["duration_unknown_count"]) == (0, 0)


def test_session_outside_the_period_does_not_count() -> None:
    """The first instant of the day after the period is outside, the last microsecond before it inside."""
    end = rows.NOON + 35 * 3_600 * SECOND_US  # midnight of summer time, an hour before that of UTC
    engine = rows.engine(rows.siprec(started_at=end), rows.siprec(started_at=end - 1))
    asked = {"from_": "2026-10-03", "to": "2026-10-04", "zone": "Europe/London", "by": "total"}
    assert reports.run("siprec_sessions", engine, **asked)["attempts_count"].tolist() == [1]


def test_connections_are_in_order_and_the_unnamed_last() -> None:
    """A session whose connection no event named is shown as such, after all others."""
    sessions = [rows.siprec(connection_id=name) for name in (None, "b", "a", "B")]
    frame = report(*sessions, by="connection,day")
    assert frame["connection_id"].fillna("none").tolist() == ["B", "a", "b", "none"]
    assert "connection_id" not in report(*sessions).columns


@pytest.mark.parametrize("by", ["total", "day", "connection", "connection,day"])
def test_frame_has_the_declared_columns_in_order(by: str) -> None:
    """Columns and types are those declared, whatever the breakdown."""
    frame = report(rows.siprec(), by=by)
    skipped = {*question.KEY_COLUMNS} - {question.KEYS.get(name) for name in by.split(",")}
    declared = [column.name for column in siprec_sessions.COLUMNS]
    assert list(frame.columns) == [name for name in declared if name not in skipped]
    assert str(frame["duration_sum_ms"].dtype) == "Int64"
