"""``call_volume``: how many call legs there were, how many were answered, why the others were not (domain 7.2).

A seizure is a leg of which it is known whether it was answered. There is no bid that seizes nothing in webhooks, and
so no ABR; there is no ringing webhook, and so no post-selection delay: only the delay to the answer.
"""

from typing import Any

import pandas as pd

from calls import cause_tables
from reports import ratios
from reports.columns import HOURLY_KEYS, Column, Kind
from reports.question import KEY_COLUMNS, Question
from reports.registry import BREAKDOWNS, Report

EFFECTIVE = ("user_busy", "ring_no_answer", "terminal_reject_or_unavailable")
"""Buckets of unanswered calls that the network took where they were to go."""

BUCKETS = (*EFFECTIVE, "abandoned", "dialled_number", "network_failure", "other")

_ABANDONED = ("caller_abandon_if_unanswered", "ORIGINATOR_CANCEL")
_DIRECTIONS = ("incoming", "outgoing")
_PERCENTILES = ["talk_median_us", "talk_p90_us", "answer_delay_median_us", "answer_delay_p95_us"]
_DURATIONS = ("talk_sum", "talk_mean", "talk_median", "talk_p90", "answer_delay_median", "answer_delay_p95")
_SUMS = ["talk_known_count", "talk_sum_us", "answer_delay_known_count", "provisional_count"]

COLUMNS = (
    *HOURLY_KEYS,
    Column("legs_count", Kind.COUNT, "All legs of the group."),
    Column("incoming_count", Kind.COUNT, "Of those: incoming."),
    Column("outgoing_count", Kind.COUNT, "Of those: outgoing."),
    Column("direction_unknown_count", Kind.COUNT, "Of those: no event says which."),
    Column("answered_count", Kind.COUNT, "Answered, whatever came then."),
    Column("unanswered_count", Kind.COUNT, "Hung up without an answer."),
    Column("undecided_count", Kind.COUNT, "Not known whether answered (yet); in no rate."),
    Column("answer_seizure_rate", Kind.GOOD_RATIO, "ASR: answered / (answered + unanswered)."),
    Column("answer_seizure_low_95", Kind.GOOD_RATIO, "Lower end of its 95 % Wilson interval."),
    Column("answer_seizure_high_95", Kind.BAD_RATIO, "Upper end of its 95 % Wilson interval."),
    Column(
        "network_effectiveness_rate",
        Kind.GOOD_RATIO,
        "NER: (answered + user busy + ring no answer + terminal reject or unavailable) / (answered + unanswered).",
    ),
    Column("network_effectiveness_low_95", Kind.GOOD_RATIO, "Lower end of its 95 % Wilson interval."),
    Column("network_effectiveness_high_95", Kind.BAD_RATIO, "Upper end of its 95 % Wilson interval."),
    Column("user_busy_count", Kind.COUNT, "Unanswered: Q.850 17."),
    Column("ring_no_answer_count", Kind.COUNT, "Unanswered: 18, 19."),
    Column("terminal_reject_or_unavailable_count", Kind.COUNT, "Unanswered: 20, 21, 24, 27."),
    Column("abandoned_count", Kind.COUNT, "Unanswered: the caller gave up (16 or ORIGINATOR_CANCEL)."),
    Column("dialled_number_count", Kind.COUNT, "Unanswered: the number is wrong (1, 14, 22, 28)."),
    Column("network_failure_count", Kind.COUNT, "Unanswered: any other code of the table but 31."),
    Column("other_count", Kind.COUNT, "Unanswered: 31, no code, or one that the table does not have."),
    Column("talk_known_count", Kind.COUNT, "Legs whose talk time is known."),
    Column("talk_sum_ms", Kind.MILLISECONDS, "Sum of their talk times; empty where none is known."),
    Column("talk_mean_ms", Kind.MILLISECONDS, "ACD: that sum / talk_known_count."),
    Column("talk_median_ms", Kind.MILLISECONDS, "Median, by nearest rank."),
    Column("talk_p90_ms", Kind.MILLISECONDS, "90th percentile, by nearest rank."),
    Column(
        "answer_delay_known_count", Kind.COUNT, "Answered legs whose initiation is known, and not after the answer."
    ),
    Column("answer_delay_median_ms", Kind.MILLISECONDS, "Median time from initiation to answer, by nearest rank."),
    Column("answer_delay_p95_ms", Kind.MILLISECONDS, "95th percentile of the same."),
    Column("provisional_count", Kind.COUNT, "Legs that later events or time may still change."),
)


def finish(rows: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Add up each group, then its rates; by day, week, connection, number, tag."""
    counts = _counts(rows)
    sums = counts.groupby(KEY_COLUMNS, dropna=False, as_index=False).sum()
    leasts = rows[[*KEY_COLUMNS, *_PERCENTILES]].groupby(KEY_COLUMNS, dropna=False, as_index=False).min()
    frame = question.groups(rows).merge(sums, how="left", on=KEY_COLUMNS).merge(leasts, how="left", on=KEY_COLUMNS)
    added = [name for name in counts.columns if name not in KEY_COLUMNS]
    frame[added] = frame[added].fillna(0)
    sums_us, known = frame["talk_sum_us"].tolist(), frame["talk_known_count"].tolist()
    means = [us // count if count else None for us, count in zip(sums_us, known, strict=True)]
    frame = _with_rates(frame).assign(
        talk_sum_us=frame["talk_sum_us"].where(frame["talk_known_count"] > 0),
        talk_mean_us=pd.Series(means, index=frame.index, dtype="Int64"),
    )
    milliseconds = {f"{name}_ms": frame[f"{name}_us"].astype("Int64") // 1000 for name in _DURATIONS}
    return frame.assign(**milliseconds).sort_values(KEY_COLUMNS, na_position="last")


def bucket(code: int | None, name: str | None) -> str:
    """Say what the cause of an unanswered leg means for the network's effectiveness; one of BUCKETS."""
    found = cause_tables.NER_BUCKETS.get(code or 0, name)
    if found in _ABANDONED:
        return "abandoned"
    return found if found in BUCKETS else "other"


def _bucket(code: Any, name: Any) -> str:
    return bucket(None if pd.isna(code) else int(code), None if pd.isna(name) else name)


def _counts(rows: pd.DataFrame) -> pd.DataFrame:
    legs, kind, direction = rows["legs_count"], rows["kind"], rows["direction"]
    causes = rows[["hangup_cause_q850", "hangup_cause_name"]].drop_duplicates()
    causes = causes.assign(
        bucket=pd.Series([_bucket(*cause) for cause in causes.to_numpy()], causes.index, dtype="str")
    )
    buckets = rows.reset_index(drop=True).merge(causes, how="left")["bucket"].set_axis(rows.index)
    counts = {"legs_count": legs} | {f"{name}_count": legs.where(direction == name, 0) for name in _DIRECTIONS}
    counts["direction_unknown_count"] = legs.where(~direction.isin(_DIRECTIONS), 0)
    counts |= {f"{name}_count": legs.where(kind == name, 0) for name in ("answered", "unanswered", "undecided")}
    counts |= {f"{name}_count": legs.where((kind == "unanswered") & (buckets == name), 0) for name in BUCKETS}
    return rows[KEY_COLUMNS].assign(**counts, **{name: rows[name].fillna(0) for name in _SUMS})


def _with_rates(frame: pd.DataFrame) -> pd.DataFrame:
    seizures = frame["answered_count"] + frame["unanswered_count"]
    effective = frame["answered_count"] + frame[[f"{name}_count" for name in EFFECTIVE]].sum(axis=1)
    return frame.assign(
        **ratios.rate(frame["answered_count"], seizures, "answer_seizure"),
        **ratios.rate(effective, seizures, "network_effectiveness"),
    )


REPORT = Report("call_volume", (), COLUMNS, finish, breakdowns=(*BREAKDOWNS, "hour"))
