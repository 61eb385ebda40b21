"""``log_integrity``: what the log holds, and by how much it may be wrong or late (domain 8b "Log counts").

One row a measure with its total, and below it a row for each detail: a type, a reason, a connection. What the program
itself put on the record (``system``) is counted apart and in no other measure. Events count when they were received.
"""

from typing import Any

import pandas as pd

from calls import catalogue, envelope
from reports.columns import DAY, WEEK, Column, Kind
from reports.question import Question
from reports.registry import Report

OURS = ("system", "gateway")
"""Sources of what the program itself says: it is about no leg by its type, and never late."""

MEASURES = (
    "events",
    "system",
    "duplicate_deliveries",
    "id_conflicts",
    "semantic_duplicates",
    "quarantined",
    "unattributed",
    "unknown_type",
    "aliased_type",
    "rejected",
    "outages",
    "late_events",
    "latency",
)

NEGATIVE_NOTE = "negative median: a clock is wrong"

COLUMNS = (
    DAY,
    WEEK,
    Column("measure", Kind.TEXT, "What is counted."),
    Column("detail", Kind.TEXT, "Empty for the total; else the type, the reason or the connection."),
    Column("measured_count", Kind.COUNT, "How many."),
    Column("time_ms", Kind.MILLISECONDS, "Of outages: how long, together."),
    Column("median_ms", Kind.MILLISECONDS, "Of latency, by connection: median of received - occurred."),
    Column("p95_ms", Kind.MILLISECONDS, "The 95th percentile of the same."),
    Column("note", Kind.TEXT, "negative median: a clock is wrong; else empty."),
)

_TIMES = ["day", "week"]
_US = ["time_us", "median_us", "p95_us"]
_ROW = [*_TIMES, "measure", "detail"]
_PLAIN = {
    "redelivery": "duplicate_deliveries",
    "semantic_duplicate": "semantic_duplicates",
    "rejection": "rejected",
    "outage": "outages",
    "latency": "latency",
}


def finish(rows: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Sort what was counted into measures, with a total of each; by day, week, measure, detail."""
    measured = pd.concat([_of_events(rows[rows["subject"] == "event"]), _of_others(rows)], ignore_index=True)
    details = measured[measured["detail"].notna()]
    totals = measured.assign(detail=_none(measured), median_us=_unknown(measured), p95_us=_unknown(measured))
    always = question.groups(rows)[_TIMES].merge(pd.Series(MEASURES, name="measure", dtype="str"), how="cross")
    known = pd.concat([totals, details], ignore_index=True)
    frame = known.groupby(_ROW, dropna=False, as_index=False).agg(
        {"measured_count": "sum", "time_us": "sum", "median_us": "min", "p95_us": "min"}
    )
    frame = always.assign(detail=_none(always)).merge(frame, how="outer", on=_ROW)
    return _ordered(frame[(frame["detail"].isna()) | (frame["measured_count"] > 0)])


def kinds(event_type: str | None) -> list[str]:
    """Give the measures that an event counts in because of its type."""
    if event_type is None:
        return []
    kind = envelope.kind_of(event_type)
    told = {
        "aliased_type": kind != event_type,
        "unknown_type": kind not in catalogue.KNOWN,
        "unattributed": not catalogue.about_leg(kind),
    }
    return [measure for measure, is_so in told.items() if is_so]


def _of_events(rows: pd.DataFrame) -> pd.DataFrame:
    """Count events by type in every measure that speaks of them."""
    system = rows["source"].isin(OURS)
    own, said = rows[system], rows[~system]
    parts = [
        _measure(said, "events", said["event_type"], said["rows_count"]),
        _measure(own, "system", own["event_type"], own["rows_count"]),
        # An id may be given twice by anybody, also by the program.
        _measure(rows, "id_conflicts", rows["event_type"], rows["repeats_count"]),
        _measure(said, "late_events", said["event_type"], said["late_count"]),
    ]
    held = said[said["quarantined"].notna()]
    parts.append(_measure(held, "quarantined", held["quarantined"], held["rows_count"]))
    named: Any = [kinds(None if pd.isna(each) else each) for each in said["event_type"].tolist()]
    by_kind = said.assign(measure=pd.Series(named, index=said.index, dtype="object"))
    by_kind = by_kind.explode("measure").dropna(subset=["measure"])
    parts.append(_measure(by_kind, by_kind["measure"].astype("str"), by_kind["event_type"], by_kind["rows_count"]))
    return pd.concat(parts, ignore_index=True)


def _of_others(rows: pd.DataFrame) -> pd.DataFrame:
    others = rows[rows["subject"] != "event"]
    detail = others["source"].where(others["subject"] == "rejection", others["connection_id"])
    measured = _measure(others, others["subject"].map(_PLAIN).astype("str"), detail, others["rows_count"])
    return measured.assign(**{name: others[name].to_numpy() for name in _US})


def _measure(rows: pd.DataFrame, measure: Any, detail: Any, counts: Any) -> pd.DataFrame:
    frame = rows[_TIMES].assign(measure=measure, detail=detail, measured_count=counts)
    return frame.assign(**{name: _unknown(frame) for name in _US}).reset_index(drop=True)


def _none(frame: pd.DataFrame) -> "pd.Series[str]":
    return pd.Series(None, index=frame.index, dtype="str")


def _unknown(frame: pd.DataFrame) -> "pd.Series[Any]":
    return pd.Series(None, index=frame.index, dtype="Int64")


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    rank = frame["measure"].map({measure: place for place, measure in enumerate(MEASURES)})
    times = frame["time_us"].where(frame["measure"] == "outages")
    wrong = (frame["median_us"] < 0).fillna(value=False)
    ordered = frame.assign(
        rank=rank,
        measured_count=frame["measured_count"].fillna(0),
        time_ms=times.fillna(0).where(frame["measure"] == "outages") // 1000,
        median_ms=frame["median_us"] // 1000,
        p95_ms=frame["p95_us"] // 1000,
        note=pd.Series(NEGATIVE_NOTE, index=frame.index, dtype="str").where(wrong),
    )
    return ordered.sort_values([*_TIMES, "rank", "detail"], na_position="first", ignore_index=True)


REPORT = Report("log_integrity", (), COLUMNS, finish, breakdowns=("day", "week"))
