"""``siprec_sessions``: how many SIPREC sessions started, how they ended, how long they lasted.

A session counts on the local day it started, else ended, with its whole duration. A duration that is not
known is counted apart and never taken as 0; a failed attempt is no session and has none.
"""

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
    Column("duration_known_count", Kind.COUNT, "Sessions of which both start and end are known."),
    Column("duration_unknown_count", Kind.COUNT, "Sessions of which an end is not known (yet); in no duration."),
    Column("duration_sum_ms", Kind.MILLISECONDS, "Sum of the known durations; empty where none is known."),
    Column("duration_median_ms", Kind.MILLISECONDS, "Median of the known durations, by nearest rank."),
    Column("duration_p95_ms", Kind.MILLISECONDS, "95th percentile of the known durations, by nearest rank."),
    Column("provisional_count", Kind.COUNT, "Rows that later events or time may still change."),
)

_COUNTED = ["rows_count", "failed_count", *_ENDINGS, "duration_known_count", "provisional_count"]


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
        **{f"duration_{what}_ms": frame[f"duration_{what}_us"] // 1000 for what in ("sum", "median", "p95")},
    )
    return frame.sort_values(KEY_COLUMNS, na_position="last")


REPORT = Report("siprec_sessions", ("connection", "day"), COLUMNS, finish)
