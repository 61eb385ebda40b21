"""The transfer report over attempts whose answer can be counted by hand."""

import math
from typing import Any

import pandas as pd

import reports
from tests.unit.reports import report_rows as rows


def report(*attempts: Any, by: str = "total") -> pd.DataFrame:
    """Run the report over the day around noon."""
    return reports.run("refer_outcomes", rows.engine(*attempts), from_="2026-10-02", to="2026-10-03", by=by)


def test_success_rate_leaves_out_what_is_not_decided() -> None:
    """The rate is completed / (attempts - pending - unconfirmed), the excluded counts beside it."""
    silent = ["pending", "unconfirmed_timeout", "unconfirmed_call_ended", "superseded_no_terminal"]
    frame = report(*map(rows.refer, ["completed"] * 3 + ["declined"] + silent))
    row = frame.iloc[0]
    assert (row["attempts_count"], row["completed_count"], row["failed_count"]) == (8, 3, 1)
    assert (row["pending_count"], row["unconfirmed_count"]) == (1, 3)
    assert row["success_rate"] == 3 / 4
    assert row["unconfirmed_share"] == 3 / 8


def test_nothing_decided_is_no_rate() -> None:
    """Attempts without any result have no success rate, neither 0 % nor 100 %."""
    row = report(rows.refer("pending")).iloc[0]
    assert math.isnan(row["success_rate"])
    assert row["unconfirmed_share"] == 0


def test_outcomes_are_ranked_with_ties_by_name_then_code() -> None:
    """Most frequent first; of equally frequent ones the name decides, then the code, none last."""
    given = [
        ("target_busy", 600),
        ("target_busy", 486),
        ("declined", 603),
        ("completed", 200),
        ("completed", 200),
    ]
    given += [("failed_unspecified", None), ("failed_unspecified", 200)]
    frame = report(*(rows.refer(outcome, final_code=code) for outcome, code in given))
    codes = [None if pd.isna(code) else int(code) for code in frame["final_code"]]
    assert list(zip(frame["outcome"], codes, frame["outcome_count"], strict=True)) == [
        ("completed", 200, 2),
        ("declined", 603, 1),
        ("failed_unspecified", 200, 1),
        ("failed_unspecified", None, 1),
        ("target_busy", 486, 1),
        ("target_busy", 600, 1),
    ]
    assert frame["cumulative_share"].tolist() == [n / 7 for n in (2, 3, 4, 5, 6, 7)]
    assert frame["outcome_share"].tolist() == [2 / 7] + [1 / 7] * 5


def test_time_to_terminal_is_over_the_whole_group() -> None:
    """Median and p95 are of all attempts with a known time, whatever their outcome, the same on every row."""
    outcomes = ["completed", "declined"] * 10
    attempts = [rows.refer(o, time_to_terminal_us=n * rows.SECOND) for n, o in enumerate(outcomes, 1)]
    frame = report(*attempts, rows.refer("completed"), rows.refer("pending"))
    assert set(frame["time_to_terminal_median_ms"]) == {10_000}
    assert set(frame["time_to_terminal_p95_ms"]) == {19_000}
    assert set(frame["time_to_terminal_known_count"]) == {20}


def test_attempts_per_leg_count_a_leg_once_in_its_group() -> None:
    """Three attempts on two legs are one and a half a leg, on every row; a leg counts on each day it was tried."""
    day = 86_400 * rows.SECOND
    given = [("a", 1, "declined", 0), ("a", 2, "completed", day), ("b", 1, "completed", 0)]
    attempts = [
        rows.refer(outcome, call_leg_id=leg, seq=seq, started_at=rows.NOON + after)
        for leg, seq, outcome, after in given
    ]
    engine = rows.engine(*attempts)
    period = {"from_": "2026-10-02", "to": "2026-10-04"}
    total = reports.run("refer_outcomes", engine, **period)[["legs_count", "attempts_per_leg"]]
    assert total.to_numpy().tolist() == [[2, 1.5]] * 2
    by_day = reports.run("refer_outcomes", engine, by="day", **period).drop_duplicates("day")
    assert by_day[["legs_count", "attempts_per_leg"]].to_numpy().tolist() == [[2, 1], [1, 1]]
    assert math.isnan(report()["attempts_per_leg"][0])


def test_no_attempts_is_one_row_of_nothing() -> None:
    """A total without attempts still answers, and says that there was nothing."""
    (row,) = report().to_dict("records")
    assert (row["attempts_count"], row["outcome_count"]) == (0, 0)
    assert pd.isna(row["outcome"])
    assert math.isnan(row["unconfirmed_share"])


def test_connections_have_their_own_rates() -> None:
    """Each connection is ranked and rated by itself."""
    frame = report(
        rows.refer(connection_id="a"),
        rows.refer("declined", connection_id="b"),
        rows.refer(connection_id="b"),
        by="connection",
    )
    assert frame["connection_id"].tolist() == ["a", "b", "b"]
    assert frame["success_rate"].tolist() == [1, 0.5, 0.5]
    assert frame["cumulative_share"].tolist() == [1, 0.5, 1]
