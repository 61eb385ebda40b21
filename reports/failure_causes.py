"""``failure_causes``: what failures and abnormal ends gave as their cause; a Pareto, raw values below it.

A SIPREC *failure* is a session ``failed`` or ``failed_midway``; an *abnormal end* is one that stopped with
any cause other than NORMAL_CLEARING, or with none: what is absent is not normal. A leg fails when it ends
unanswered and ends abnormally when answered, each with any hangup cause other than NORMAL_CLEARING. A
transfer fails by its terminal event. What has no ending event is undecided and counted apart.
"""

import pandas as pd

from reports import ratios
from reports.columns import HOURLY_KEYS, Column, Kind
from reports.question import KEY_COLUMNS, Question
from reports.registry import BREAKDOWNS, Report

SUBJECTS = ("siprec", "refer", "leg")

ABSENT, UNMAPPED = "absent", "unmapped"
"""Rows that always show, also with 0: no cause was given; one was given that no table knows."""

NOT_JUDGED = "not_judged"
"""Fault domain of a leg's cause: the domains are about recorders, and a busy callee is nobody's fault."""

COLUMNS = (
    *HOURLY_KEYS,
    Column("subject", Kind.TEXT, "What ended: siprec (session or attempt), refer (attempt) or leg."),
    Column("ended_count", Kind.COUNT, "All of the group and subject that ended, normally or not."),
    Column("undecided_count", Kind.COUNT, "Of the group and subject: no event says how it ended (yet)."),
    Column(
        "cause_name",
        Kind.TEXT,
        "The cause; SIP_<status> for transfers; absent: none given; unmapped: unknown.",
    ),
    Column("cause_count", Kind.COUNT, "Failures and abnormal ends with this cause."),
    Column(
        "cause_share",
        Kind.GOOD_RATIO,
        "cause_count / all failures and abnormal ends of the group and subject.",
    ),
    Column("cumulative_share", Kind.GOOD_RATIO, "The same for this cause and all causes above it."),
    Column("fault_domain", Kind.TEXT, "Who should look; the outcome for transfers; not_judged for legs."),
    Column("cause_raw", Kind.TEXT, "The value as sent; empty where none was."),
    Column("failures_count", Kind.COUNT, "With this raw value: failed, or failed midway."),
    Column(
        "abnormal_ends_count",
        Kind.COUNT,
        "With this raw value: ran, and ended otherwise than by normal clearing.",
    ),
    Column("endings_count", Kind.COUNT, "Both together."),
)

_GROUP = [*KEY_COLUMNS, "subject"]
_CAUSE = [*_GROUP, "cause_name"]
_RAW = [*_CAUSE, "fault_domain", "cause_raw"]


def finish(rows: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Name the causes, add the two that always show, rank: most frequent cause first, ties by name."""
    groups = question.groups(rows).merge(pd.Series(SUBJECTS, name="subject", dtype="str"), how="cross")
    causes = pd.concat([_counted(_named(rows)), _always(groups)], ignore_index=True)
    causes["cause_count"] = causes.groupby(_CAUSE, dropna=False)["endings_count"].transform("sum")
    causes = causes[(causes["endings_count"] > 0) | (causes["cause_count"] == 0)]
    frame = _ordered(causes.merge(_population(rows, groups), on=_GROUP))
    running = frame.groupby(_GROUP, dropna=False)["endings_count"].cumsum()
    reached = running.groupby([frame[name] for name in _CAUSE], dropna=False).transform("max")
    whole = frame.groupby(_GROUP, dropna=False)["endings_count"].transform("sum")
    return frame.assign(
        cause_share=ratios.shares(frame["cause_count"], whole), cumulative_share=ratios.shares(reached, whole)
    )


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    refer, leg = rows["subject"] == "refer", rows["subject"] == "leg"
    code = rows["sip_code"].where(rows["sip_code"] != 0).astype("str")
    name = rows["cause_name"].replace("UNKNOWN", UNMAPPED).where(~refer, "SIP_" + code).fillna(ABSENT)
    domain = rows["fault_domain"].where(~leg, NOT_JUDGED).fillna(UNMAPPED)
    # The two that always show are one domain each, so that no second row stands beside them.
    domain = domain.where(~name.isin([ABSENT, UNMAPPED]), name)
    return rows.assign(cause_name=name, fault_domain=domain, cause_raw=rows["cause_raw"].where(~refer, code))


def _counted(named: pd.DataFrame) -> pd.DataFrame:
    failures = named["rows_count"].where(named["kind"] == "failure", 0)
    abnormal_ends = named["rows_count"].where(named["kind"] == "abnormal_end", 0)
    counts = named[_RAW].assign(
        failures_count=failures, abnormal_ends_count=abnormal_ends, endings_count=failures + abnormal_ends
    )
    counts = counts.groupby(_RAW, dropna=False, as_index=False).sum()
    return counts[counts["endings_count"] > 0]


def _always(groups: pd.DataFrame) -> pd.DataFrame:
    names = pd.Series([ABSENT, UNMAPPED], name="cause_name", dtype="str")
    rows = groups.merge(names, how="cross").assign(failures_count=0, abnormal_ends_count=0, endings_count=0)
    nothing = pd.Series(None, index=rows.index, dtype="str")
    return rows.assign(fault_domain=rows["cause_name"], cause_raw=nothing)


def _population(rows: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    undecided = rows["kind"] == "undecided"
    counts = rows[_GROUP].assign(
        ended_count=rows["rows_count"].where(~undecided, 0),
        undecided_count=rows["rows_count"].where(undecided, 0),
    )
    sums = counts.groupby(_GROUP, dropna=False, as_index=False).sum()
    return groups.merge(sums, how="left", on=_GROUP).fillna({"ended_count": 0, "undecided_count": 0})


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    rank = frame["subject"].map({subject: place for place, subject in enumerate(SUBJECTS)})
    falling = ("cause_count", "endings_count")
    order = [*KEY_COLUMNS, "rank", "cause_count", "cause_name", "endings_count", "fault_domain", "cause_raw"]
    ascending = [name not in falling for name in order]
    return frame.assign(rank=rank).sort_values(order, ascending=ascending, na_position="last", ignore_index=True)


REPORT = Report("failure_causes", (), COLUMNS, finish, breakdowns=(*BREAKDOWNS, "hour"))
