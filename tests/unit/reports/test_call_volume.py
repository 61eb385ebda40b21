"""The volume report over legs whose answer can be counted by hand."""

import math
from typing import Any

import pandas as pd
import pytest

import reports
from reports import call_volume
from tests.unit.reports import report_rows as rows

SECOND_US = 1_000_000


def report(*legs: Any, **asked: Any) -> pd.DataFrame:
    """Run the report over the two days around noon."""
    return reports.run("call_volume", rows.engine(*legs), **{"from_": "2026-10-02", "to": "2026-10-04", **asked})


def unanswered(code: int | None = None, name: str | None = None) -> Any:
    """Give a leg that was hung up without an answer."""
    fields = {"hangup_cause_q850": code, "hangup_cause_name": name, "answered_at": None}
    return rows.leg("ended_unanswered", **fields)


def test_rates_are_of_the_legs_that_are_decided() -> None:
    """ASR counts answers; NER also those whom the network reached; what is undecided is in neither."""
    legs = [rows.leg(), rows.leg("in_progress", hangup_at=None)]
    legs += [unanswered(code) for code in (17, 19, 21, 38, 16, 1)]
    legs += [rows.leg(status, answered_at=None) for status in ("ringing", "ended_answer_unknown", "stale")]
    (row,) = report(*legs).to_dict("records")
    assert (row["legs_count"], row["answered_count"], row["unanswered_count"], row["undecided_count"]) == (11, 2, 6, 3)
    assert row["answer_seizure_rate"] == 2 / 8
    assert row["network_effectiveness_rate"] == 5 / 8
    assert [row[f"{name}_count"] for name in call_volume.BUCKETS] == [1, 1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("code", "name", "bucket"),
    [
        (17, "USER_BUSY", "user_busy"),
        (18, None, "ring_no_answer"),
        (27, None, "terminal_reject_or_unavailable"),
        (16, "NORMAL_CLEARING", "abandoned"),
        (None, "ORIGINATOR_CANCEL", "abandoned"),
        (28, None, "dialled_number"),
        (127, None, "network_failure"),
        (31, None, "other"),
        (None, "UNKNOWN", "other"),
        (None, None, "other"),
    ],
)
def test_unanswered_cause_has_its_bucket(code: int | None, name: str | None, bucket: str) -> None:
    """The table of causes decides; what it does not know is other, never a success of the network."""
    assert call_volume.bucket(code, name) == bucket


def test_durations_are_of_what_is_known() -> None:
    """Talk of 1..20 s: mean 10.5 s, median the 10th, p90 the 18th; an unknown one is in no figure."""
    legs = [rows.leg(talk_us=n * SECOND_US, initiated_at=rows.NOON - n * SECOND_US) for n in range(1, 21)]
    skewed = rows.leg(initiated_at=rows.NOON + 1)
    (row,) = report(*legs, skewed).to_dict("records")
    assert (row["talk_known_count"], row["talk_sum_ms"], row["talk_mean_ms"]) == (20, 210_000, 10_500)
    assert (row["talk_median_ms"], row["talk_p90_ms"]) == (10_000, 18_000)
    assert (row["answer_delay_known_count"], row["answer_delay_median_ms"]) == (20, 10_000)
    assert row["answer_delay_p95_ms"] == 19_000


def test_nothing_is_no_rate_and_no_duration() -> None:
    """Without calls there is neither a rate nor a mean."""
    (row,) = report().to_dict("records")
    assert math.isnan(row["answer_seizure_rate"])
    assert pd.isna(row["talk_mean_ms"])
    assert pd.isna(row["talk_sum_ms"])


def test_directions_add_up_and_our_number_is_the_side_that_is_ours() -> None:
    """Incoming legs go by the number called, outgoing ones by the number calling."""
    parties = {"from_number": "a", "to_number": "b"}
    legs = [rows.leg(direction=direction, **parties) for direction in ("incoming", "outgoing", "outgoing", None)]
    frame = report(*legs, by="number")
    assert frame["number"].fillna("none").tolist() == ["a", "b", "none"]
    directions = frame[["incoming_count", "outgoing_count", "direction_unknown_count"]]
    assert directions.to_numpy().tolist() == [[0, 2, 0], [1, 0, 0], [0, 0, 1]]
