"""``refer_outcomes``: how SIP REFER transfers ended, how often they succeeded, how long it took.

One row an outcome and SIP code, most frequent first, with the figures of its whole group on every row. An
attempt without a terminal event is *unconfirmed*, also when another attempt followed: silence is neither
success nor failure (domain 3.5, 8), so it stands beside the success rate, not in it.
"""

import pandas as pd

from reports import ratios
from reports.columns import KEYS, Column, Kind
from reports.question import KEY_COLUMNS, Question
from reports.registry import Report

UNCONFIRMED = ("superseded_no_terminal", "unconfirmed_call_ended", "unconfirmed_timeout")
"""Outcomes of an attempt whose terminal event never came."""

COLUMNS = (
    *KEYS,
    Column("attempts_count", Kind.COUNT, "REFER attempts of the group."),
    Column("legs_count", Kind.COUNT, "Of the group: legs with an attempt."),
    Column("attempts_per_leg", Kind.MEAN, "Of the group: attempts / legs; empty where there were none."),
    Column("completed_count", Kind.COUNT, "Of the group: completed."),
    Column("failed_count", Kind.COUNT, "Of the group: ended by a terminal event other than completed."),
    Column("pending_count", Kind.COUNT, "Of the group: still waiting for a result; not in the rate."),
    Column(
        "unconfirmed_count",
        Kind.COUNT,
        "Of the group: no result came, or another attempt did; not in the rate.",
    ),
    Column(
        "success_rate",
        Kind.GOOD_RATIO,
        "Of the group: completed / (attempts - pending - unconfirmed); empty where nothing was decided.",
    ),
    Column("success_low_95", Kind.GOOD_RATIO, "Lower end of its 95 % Wilson interval."),
    Column("success_high_95", Kind.BAD_RATIO, "Upper end of its 95 % Wilson interval."),
    Column("unconfirmed_share", Kind.BAD_RATIO, "Of the group: unconfirmed / attempts."),
    Column(
        "time_to_terminal_known_count",
        Kind.COUNT,
        "Of the group: attempts with both start and terminal event.",
    ),
    Column(
        "time_to_terminal_median_ms",
        Kind.MILLISECONDS,
        "Of the group: median time from start to terminal event.",
    ),
    Column(
        "time_to_terminal_p95_ms",
        Kind.MILLISECONDS,
        "Of the group: 95th percentile of the same, nearest rank.",
    ),
    Column("provisional_count", Kind.COUNT, "Of the group: attempts that later events or time may still change."),
    Column("outcome", Kind.TEXT, "The outcome of this row; empty in a group without attempts."),
    Column("final_code", Kind.CODE, "The SIP status its terminal event carried; empty where there was none."),
    Column("outcome_count", Kind.COUNT, "Attempts with this outcome and code."),
    Column("outcome_share", Kind.GOOD_RATIO, "outcome_count / attempts_count."),
    Column("cumulative_share", Kind.GOOD_RATIO, "The same for this row and all rows of the group above it."),
)


def finish(rows: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Add the figures of each group, then rank its outcomes: most frequent first, ties by name, then code."""
    groups = question.groups(rows).merge(_totals(rows), how="left", on=KEY_COLUMNS)
    counts = [name for name in groups.columns if name.endswith("_count")]
    groups[counts] = groups[counts].fillna(0)
    frame = _with_rates(groups).merge(
        rows[[*KEY_COLUMNS, "outcome", "final_code", "outcome_count"]], how="left", on=KEY_COLUMNS
    )
    frame["outcome_count"] = frame["outcome_count"].fillna(0)
    order = [*KEY_COLUMNS, "outcome_count", "outcome", "final_code"]
    frame = frame.sort_values(order, ascending=[name != "outcome_count" for name in order], na_position="last")
    running = frame.groupby(KEY_COLUMNS, dropna=False)["outcome_count"].cumsum()
    return frame.assign(
        outcome_share=ratios.shares(frame["outcome_count"], frame["attempts_count"]),
        cumulative_share=ratios.shares(running, frame["attempts_count"]),
    )


def _totals(rows: pd.DataFrame) -> pd.DataFrame:
    outcome, count = rows["outcome"], rows["outcome_count"]
    parted = rows[KEY_COLUMNS].assign(
        attempts_count=count,
        completed_count=count.where(outcome == "completed", 0),
        pending_count=count.where(outcome == "pending", 0),
        unconfirmed_count=count.where(outcome.isin(UNCONFIRMED), 0),
        legs_count=rows["legs_count"],
        time_to_terminal_known_count=rows["time_to_terminal_known_count"],
        provisional_count=rows["provisional_count"],
    )
    percentiles = ["time_to_terminal_median_us", "time_to_terminal_p95_us"]
    sums = parted.groupby(KEY_COLUMNS, dropna=False, as_index=False).sum()
    # Each percentile of a group is the least of its rows': the SQL leaves out what lies below it.
    leasts = rows.groupby(KEY_COLUMNS, dropna=False, as_index=False)[percentiles].min()
    return sums.merge(leasts, on=KEY_COLUMNS)


def _with_rates(groups: pd.DataFrame) -> pd.DataFrame:
    decided = groups["attempts_count"] - groups["pending_count"] - groups["unconfirmed_count"]
    return groups.assign(
        attempts_per_leg=ratios.shares(groups["attempts_count"], groups["legs_count"]),
        failed_count=decided - groups["completed_count"],
        **ratios.rate(groups["completed_count"], decided, "success"),
        unconfirmed_share=ratios.shares(groups["unconfirmed_count"], groups["attempts_count"]),
        time_to_terminal_median_ms=groups["time_to_terminal_median_us"] // 1000,
        time_to_terminal_p95_ms=groups["time_to_terminal_p95_us"] // 1000,
    )


REPORT = Report("refer_outcomes", (), COLUMNS, finish)
