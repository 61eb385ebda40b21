"""``siprec_sessions``: how many SIPREC sessions started, how they ended, how long they lasted.

A session counts on the local day it started, else ended, with its whole duration. A duration that is not
known is counted apart and never taken as 0; a failed attempt is no session and has none.
"""

from typing import Any

import pandas as pd

from reports import ratios
from reports.columns import KEYS, Column, Kind
from reports.question import KEY_COLUMNS, Question
from reports.registry import Report

_ENDINGS = {
    "open_count": "Still recording when the figures were made.",
    "stopped_count": "Ended by siprec.stopped.",
    "closed_by_hangup_count": "No stop was seen; the hangup is taken as the end (inferred).",
    "failed_midway_count": "Started, then ended by siprec.failed.",
    "stopped_without_start_count": "Stopped, but the start was never seen; when it began is unknown.",
    "stale_open_count": "Neither stop nor hangup for longer than a call can last; its end is unknown.",
}

COLUMNS = (
    *KEYS,
    Column("attempts_count", Kind.COUNT, "Sessions and failed attempts together."),
    Column("sessions_count", Kind.COUNT, "Sessions that started: every status but failed."),
    Column("failed_count", Kind.COUNT, "Attempts that never started."),
    Column("start_success_rate", Kind.GOOD_RATIO, "sessions_count / attempts_count; empty where there were none."),
    Column("start_success_low_95", Kind.GOOD_RATIO, "Lower end of its 95 % Wilson interval."),
    Column("start_success_high_95", Kind.BAD_RATIO, "Upper end of its 95 % Wilson interval."),
    *(Column(name, Kind.COUNT, meaning) for name, meaning in _ENDINGS.items()),
    Column("retried_to_success_count", Kind.COUNT, "Legs whose first session started after failed attempts."),
    Column("retries_to_success_count", Kind.COUNT, "Failed attempts before those; some may lie on an earlier day."),
    Column("retries_to_success_mean", Kind.MEAN, "retries_to_success_count / retried_to_success_count."),
    Column("midway_failures_per_hour", Kind.MEAN, "failed_midway_count / recorded hours, which are duration_sum_ms."),
    Column("time_to_failure_mean_ms", Kind.MILLISECONDS, "Mean recorded time of those that failed midway."),
    Column("duration_known_count", Kind.COUNT, "Sessions of which both start and end are known."),
    Column("duration_unknown_count", Kind.COUNT, "Sessions of which an end is not known (yet); in no duration."),
    Column("duration_sum_ms", Kind.MILLISECONDS, "Sum of the known durations; empty where none is known."),
    Column("duration_median_ms", Kind.MILLISECONDS, "Median of the known durations, by nearest rank."),
    Column("duration_p95_ms", Kind.MILLISECONDS, "95th percentile of the known durations, by nearest rank."),
    Column("provisional_count", Kind.COUNT, "Rows that later events or time may still change."),
)

_RETRIES = ["retried_to_success_count", "retries_to_success_count"]
_COUNTED = ["rows_count", "failed_count", *_ENDINGS, *_RETRIES, "duration_known_count", "provisional_count"]
_HOUR_US = 3_600_000_000


def finish(rows: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Add what did not happen, the ratios, and the order: by day, then connection, the unnamed one last."""
    frame = question.groups(rows).merge(rows, how="left", on=KEY_COLUMNS)
    frame[_COUNTED] = frame[_COUNTED].fillna(0)
    sessions = frame["rows_count"] - frame["failed_count"]
    frame = frame.assign(
        attempts_count=frame["rows_count"],
        sessions_count=sessions,
        duration_unknown_count=sessions - frame["duration_known_count"],
        **ratios.rate(sessions, frame["rows_count"], "start_success"),
        retries_to_success_mean=ratios.shares(frame[_RETRIES[1]], frame[_RETRIES[0]]),
        midway_failures_per_hour=_per_hour(frame),
        time_to_failure_mean_ms=_mean_ms(frame["time_to_failure_sum_us"], frame["time_to_failure_known_count"]),
        **{f"duration_{what}_ms": frame[f"duration_{what}_us"] // 1000 for what in ("sum", "median", "p95")},
    )
    return frame.sort_values(KEY_COLUMNS, na_position="last")


def _per_hour(frame: pd.DataFrame) -> list[float]:
    failures, recorded_us = frame["failed_midway_count"], frame["duration_sum_us"].fillna(0)
    return ratios.shares(failures * _HOUR_US, recorded_us)


def _mean_ms(sums_us: "pd.Series[Any]", known: "pd.Series[Any]") -> "pd.Series[Any]":
    pairs = zip(sums_us.tolist(), known.fillna(0).tolist(), strict=True)
    return pd.Series([us // int(count) // 1000 if count else None for us, count in pairs], known.index, dtype="Int64")


REPORT = Report("siprec_sessions", ("connection", "day"), COLUMNS, finish)
