"""The coverage report over legs whose answer can be counted by hand."""

import math
from typing import Any

import pandas as pd
import pytest

import reports
from reports import recording_coverage
from tests.unit.reports import report_rows as rows

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
TWO_DAYS = {"from_": "2026-10-02", "to": "2026-10-04"}


def report(*legs: Any, **asked: Any) -> pd.DataFrame:
    """Run the report over the two days around noon."""
    return reports.run("recording_coverage", rows.engine(*legs), **{**TWO_DAYS, **asked})


def test_verdicts_are_counted_and_the_rates_leave_out_what_is_not_judged() -> None:
    """Out of scope and not eligible leave the denominator, pending legs too; unknown ones stay in it."""
    verdicts = ["full"] * 6 + ["full_inferred"] * 2 + ["partial", "partial_track", "unknown", "unrecorded"]
    verdicts += ["pending"] * 3 + ["not_in_scope", "not_eligible"]
    (row,) = report(*map(rows.covered, verdicts)).to_dict("records")
    assert (row["legs_count"], row["eligible_count"], row["pending_count"], row["judged_count"]) == (17, 15, 3, 12)
    assert [row[f"{name}_count"] for name in recording_coverage.JUDGED] == [6, 2, 1, 1, 1, 1]
    assert (row["strict_rate"], row["usual_rate"], row["unknown_share"]) == (6 / 12, 8 / 12, 1 / 12)
    assert (row["strict_upper_share"], row["usual_upper_share"]) == (7 / 12, 9 / 12)
    assert row["strict_low_95"] < 0.5 < row["strict_high_95"]
    assert row["sample"] == "n < 30"


@pytest.mark.parametrize(
    ("full", "judged", "low", "high"),
    [
        (0, 20, 0, 0.161125),
        (20, 20, 0.838875, 1),
        (97, 100, 0.915481, 0.989745),
        (5, 10, 0.236593, 0.763407),
        (9990, 10000, 0.998160, 0.999457),
    ],
)
def test_intervals_are_the_golden_ones(full: int, judged: int, low: float, high: float) -> None:
    """The Wilson intervals of domain 5.5 come out of the report itself."""
    legs = [rows.covered("full")] * full + [rows.covered("unrecorded")] * (judged - full)
    (row,) = report(*legs).to_dict("records")
    assert (row["strict_low_95"], row["strict_high_95"]) == pytest.approx((low, high), abs=5e-7)
    assert pd.isna(row["sample"]) == (judged >= 30)


def test_nothing_eligible_is_said_so() -> None:
    """Without eligible legs there is no rate: neither 100 % nor 0 %; pending ones are said to be."""
    run = reports.execute("recording_coverage", rows.engine(rows.covered("not_in_scope")), **TWO_DAYS)
    assert math.isnan(run.frame.loc[0, "strict_rate"])
    assert run.frame.loc[0, "sample"] == run.shown().loc[0, "strict_rate"] == "no eligible calls"
    assert report(rows.covered("pending")).loc[0, "sample"] == "all pending"


def test_time_is_sum_over_sum_in_its_four_parts() -> None:
    """A long uncovered leg outweighs a short covered one; the parts add up to the talk time of judged legs."""
    short = rows.covered("full", [("confirmed", 10 * SECOND_US)])
    long = rows.covered("partial", [("uncovered", 60 * SECOND_US), ("inferred", 20 * SECOND_US), ("unknown", 10_999)])
    pending = rows.covered("pending", [("uncovered", 5 * SECOND_US)])
    (row,) = report(short, long, pending).to_dict("records")
    parts = [row[f"{part}_ms"] for part in recording_coverage.PARTS]
    assert (row["talk_ms"], parts) == (90_010, [10_000, 20_000, 10, 60_000])
    assert row["pending_talk_ms"] == 5_000
    talk = 90 * SECOND_US + 10_999
    assert row["time_low_share"] == 10 * SECOND_US / talk
    assert row["time_mid_share"] == 30 * SECOND_US / talk
    assert row["time_high_share"] == (30 * SECOND_US + 10_999) / talk


def test_unknown_talk_time_is_counted_apart() -> None:
    """A leg whose talk time is not known is judged, and in no sum of time."""
    (row,) = report(rows.covered("unknown", (), evidence_grade="D"), rows.covered()).to_dict("records")
    assert (row["talk_known_count"], row["talk_unknown_count"], row["talk_ms"]) == (1, 1, 60_000)
    assert (row["grade_a_count"], row["grade_d_count"]) == (1, 1)


def test_talk_is_split_at_local_midnight_and_the_leg_counts_on_the_day_of_its_answer() -> None:
    """An hour that begins 20 minutes before midnight of summer time gives 20 minutes to one day, 40 to the next."""
    answered = rows.NOON + 10 * HOUR_US + 40 * 60 * SECOND_US  # 22:40 UTC, 23:40 in London
    leg = rows.covered("partial", [("confirmed", HOUR_US // 2), ("uncovered", HOUR_US // 2)], answered_at=answered)
    frame = report(leg, by="day", zone="Europe/London")
    assert frame["judged_count"].tolist() == [1, 0]
    assert frame["confirmed_ms"].tolist() == [20 * 60_000, 10 * 60_000]
    assert frame["uncovered_ms"].tolist() == [0, 30 * 60_000]
    assert frame.loc[1, "sample"] == "no eligible calls"


def test_talk_that_began_before_the_period_is_in_it_from_its_start() -> None:
    """A leg answered the day before counts there, and what is said after midnight counts here."""
    leg = rows.covered("full", [("confirmed", 2 * HOUR_US)], answered_at=rows.NOON - 13 * HOUR_US)
    (row,) = report(leg).to_dict("records")
    assert (row["legs_count"], row["talk_ms"]) == (0, 3_600_000)


def test_start_delay_is_of_judged_legs_by_nearest_rank() -> None:
    """Of 1..20 s the median is the 10th and p95 the 19th; a pending leg has no say."""
    legs = [rows.covered(start_delay_us=n * SECOND_US + 999) for n in range(1, 21)]
    (row,) = report(*legs, rows.covered("pending", start_delay_us=0), rows.covered()).to_dict("records")
    assert row["start_delay_known_count"] == 20
    assert (row["start_delay_median_ms"], row["start_delay_p95_ms"]) == (10_000, 19_000)


def test_over_recording_shows_whatever_the_verdict() -> None:
    """A leg that must not be recorded is out of scope, and still a finding; also where nobody knows for how long."""
    forbidden = {"obligation": "must_not_record", "flags": ("over_recorded",)}
    known = rows.covered("not_in_scope", (), over_recorded_us=7 * SECOND_US, **forbidden)
    unknown = rows.covered("not_in_scope", (), call_leg_id="m", over_recorded_us=None, **forbidden)
    (row,) = report(known, unknown).to_dict("records")
    assert (row["over_recorded_count"], row["over_recorded_ms"], row["judged_count"]) == (2, 7_000, 0)


def test_unrecorded_says_by_what_evidence() -> None:
    """A failure that was reported is told apart from silence; a failure that was made good is counted."""
    failed = rows.covered("unrecorded", unrecorded_evidence="explicit_failure")
    silent = rows.covered("unrecorded", unrecorded_evidence="absence_of_events")
    (row,) = report(failed, silent, silent, rows.covered(recovery_us=SECOND_US)).to_dict("records")
    assert (row["unrecorded_failure_count"], row["unrecorded_silence_count"], row["recovered_count"]) == (1, 2, 1)


def test_breakdown_by_number_and_tag() -> None:
    """Legs are grouped by our number, or by what their tags say of the one asked for; the rest come last."""
    legs = [rows.covered(number="1", tags=("desk:b",)), rows.covered(number="2", tags=("desk=a", "x"))]
    legs += [rows.covered(number="1", tags=()), rows.covered(number=None, tags=("desk:b",))]
    by_number = report(*legs, by="number")
    assert by_number["number"].fillna("none").tolist() == ["1", "2", "none"]
    assert by_number["legs_count"].tolist() == [2, 1, 1]
    by_tag = report(*legs, by="tag:desk")
    assert by_tag["tag"].fillna("none").tolist() == ["a", "b", "none"]
    assert by_tag["legs_count"].tolist() == [1, 2, 1]


def test_trend_is_thirteen_weeks() -> None:
    """Beside the figures stand the same by week, the last week that of the period's end."""
    run = reports.execute("recording_coverage", rows.engine(rows.covered()), **TWO_DAYS)
    assert run.trend is not None
    assert run.trend["week"].iloc[[0, -1]].tolist() == ["2026-07-06", "2026-09-28"]
    assert run.trend["full_count"].tolist() == [0] * 12 + [1]
    assert list(run.trend.columns[1:]) == list(run.frame.columns)


def test_leg_neither_answered_nor_hung_up_is_placed_by_its_initiation() -> None:
    """One gone stale before any answer is unknown, and must not leave the denominator unseen."""
    leg = rows.leg("stale", answered_at=None, hangup_at=None, initiated_at=rows.NOON)
    (row,) = report(leg, rows.covered("unknown", (), answered_at=None)).to_dict("records")
    assert (row["unknown_count"], row["talk_unknown_count"]) == (1, 1)
