"""Which charts stand in a report, each with a title and a sentence that says its figures to whoever cannot see it."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import pandas as pd

from reports import charts, content, ratios
from reports.charts import Spec
from reports.question import KEY_COLUMNS
from reports.runs import Run

_Number = TypeVar("_Number", int, float)

TARGET = 0.995
"""Share of calls recorded in full, by webhooks at both ends, that is usually asked for (domain 7.1)."""

NAMES_MAX = 20
"""Names in one chart; the table has all."""

_MS_PER_HOUR = 3_600_000
_TIMES = ("day", "week")
_PARTS = {
    "confirmed": "solid-blue",
    "inferred": "stripes-blue",
    "unknown": "dots-grey",
    "uncovered": "cross-red",
}
_VERDICTS = {
    "full": "solid-blue",
    "full_inferred": "stripes-blue",
    "partial_track": "bars-amber",
    "partial": "grid-amber",
    "unknown": "dots-grey",
    "unrecorded": "cross-red",
    "pending": "lines-grey",
}
_STARTS = {"started": "solid-blue", "failed to start": "cross-red"}
_UNCONFIRMED = "dots-grey"
_ANSWERS = {"answered": "solid-blue", "unanswered": "lines-grey", "undecided": "dots-grey"}
_UNANSWERED = (
    "user_busy",
    "ring_no_answer",
    "terminal_reject_or_unavailable",
    "abandoned",
    "dialled_number",
    "network_failure",
    "other",
)
_NOT_ODD = ("events", "system", "latency")
"""Measures of the log that are as they should be, or are no count."""
_SUBJECTS = {"siprec": "SIPREC recordings", "refer": "transfers", "leg": "call legs"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart of a run; ``spec`` draws it for a width in pixels, axes and names not counted."""

    name: str
    title: str
    description: str
    spec: Callable[[int], Spec]


def of(run: Run) -> tuple[Figure, ...]:
    """Give the charts of a run; none where there is nothing to draw."""
    return tuple(_FIGURES.get(run.name, _none)(run))


def _none(run: Run) -> Iterator[Figure]:
    del run
    yield from ()


def _recording_coverage(run: Run) -> Iterator[Figure]:
    frame, along = _summed(run.frame, [f"{part}_ms" for part in _PARTS])
    if not frame.empty and frame["talk"].sum():
        yield _talk_time(frame, along)
        if along in _TIMES:
            yield _bounds(frame, along)
    weekly = content.trend(run)
    if weekly is not None and weekly["strict_rate"].notna().any():
        yield _weekly(weekly)


def _talk_time(frame: pd.DataFrame, along: str) -> Figure:
    sums = {part: int(frame[f"{part}_ms"].sum()) for part in _PARTS}
    told = "Talk time: " + ", ".join(f"{part} {hours(value)}" for part, value in sums.items())
    rows = _long(frame, {part: f"{part}_ms" for part in _PARTS}, scale=_MS_PER_HOUR)
    title = f"Talk time by {_word(along)}, and what of it was recorded"
    return _stack("talk-time", title, f"{told}.", rows, along, _PARTS, "hours")


def _bounds(frame: pd.DataFrame, along: str) -> Figure:
    low, mid = frame["confirmed_ms"], frame["confirmed_ms"] + frame["inferred_ms"]
    high = mid + frame["unknown_ms"]
    bounds = {"low": low, "mid": mid, "high": high}
    shares = {name: ratios.shares(part, frame["talk"]) for name, part in bounds.items()}
    rows = pd.DataFrame({"along": frame["along"], **shares})
    talked = [pair for pair in zip(shares["low"], rows["along"].tolist(), strict=True) if not math.isnan(pair[0])]
    worst, day = min(talked)
    whole = int(frame["talk"].sum())
    told = (
        f"Of all talk time at least {_share_text(int(low.sum()), whole)} was recorded (low), "
        f"{_share_text(int(mid.sum()), whole)} with ends taken from the hangup (mid), and at most "
        f"{ratios.ceil_text(ratios.share(int(high.sum()), whole))} (high). "
        f"Lowest: {day} with {ratios.floor_text(worst)}. A bar goes from low to high, the thick tick is mid."
    )
    title = f"Share of talk time recorded, low to high, by {_word(along)}"
    return Figure("bounds", title, told, lambda width: charts.ranges(rows, value="share of talk time", width=width))


def _weekly(weekly: pd.DataFrame) -> Figure:
    strict = weekly[["week", "strict_rate", "strict_low_95", "strict_high_95"]]
    usual = weekly[["week", "usual_rate"]].assign(low=math.nan, high=math.nan)
    names = ["along", "share", "low", "high"]
    rows = pd.concat(
        [
            strict.set_axis(names, axis="columns").assign(series="strict (both ends by webhooks)"),
            usual.set_axis(names, axis="columns").assign(series="usual (ends taken from hangups, too)"),
        ],
        ignore_index=True,
    )
    judged = weekly[weekly["strict_rate"].notna()]
    reached, last = judged["strict_rate"].tolist(), judged["usual_rate"].tolist()[-1]
    target = ratios.floor_text(TARGET)
    told = (
        f"Share of calls recorded in full. In the last week with calls, from {judged['week'].tolist()[-1]}: strict "
        f"{ratios.floor_text(reached[-1])}, usual {ratios.floor_text(last)}. Strict reached the target of {target} in "
        f"{sum(each >= TARGET for each in reached)} of {len(reached)} weeks with calls. Thin lines are its 95 % "
        "intervals, the dotted line is the target."
    )
    return Figure(
        "trend",
        f"Trend over {len(weekly)} weeks, by the Monday of each; target {target}",
        told,
        lambda width: charts.trend(rows, value="share of calls", target=TARGET, width=width),
    )


def _coverage_exceptions(run: Run) -> Iterator[Figure]:
    days = [str(at)[:10] for at in run.frame["answered_at"].fillna("no answer")]
    kinds = run.frame["verdict"].fillna("unknown").tolist()
    if not kinds:
        return
    counts = sorted(Counter(zip(days, kinds, strict=True)).items())
    rows = pd.DataFrame([(day, kind, count) for (day, kind), count in counts], columns=["along", "kind", "value"])
    sums = Counter(kinds)
    fills = {kind: fill for kind, fill in _VERDICTS.items() if kind in sums}
    fills |= dict.fromkeys(sorted(sums.keys() - fills.keys()), "solid-red")
    told = f"{len(kinds):,} findings: " + ", ".join(f"{kind} {sums[kind]:,}" for kind in fills)
    yield _stack("verdicts", "Findings by day of the answer and verdict", f"{told}.", rows, "day", fills, "calls")


def _failure_causes(run: Run) -> Iterator[Figure]:
    endings = Counter[tuple[str, str]]()
    columns = (run.frame[name].tolist() for name in ("subject", "cause_name", "endings_count"))
    for subject, cause, count in zip(*columns, strict=True):
        endings[subject, cause] += count
    for wanted in dict.fromkeys(subject for subject, _ in endings):
        counts = {cause: count for (subject, cause), count in endings.items() if subject == wanted and count}
        if counts:
            yield _pareto(wanted, _falling(counts))


def _pareto(subject: str, counts: Mapping[str, int]) -> Figure:
    whole = sum(counts.values())
    drawn = list(counts.items())[:NAMES_MAX]
    reached = list(accumulate(count for _, count in drawn))
    texts = [f"{count:,}, {_share_text(part, whole)}" for (_, count), part in zip(drawn, reached, strict=True)]
    rows = pd.DataFrame(drawn, columns=["along", "value"]).assign(reached=reached, text=texts)
    told = (
        f"{whole:,} failures and abnormal ends. Most frequent: {drawn[0][0]} with {texts[0]} of them. "
        "A bar is how many had this cause; the line, with its share, adds up all causes down to it."
    )
    left_out = len(counts) - len(drawn)
    told += f" {left_out:,} rarer causes are in the table alone." if left_out else ""
    title = f"Causes: {_SUBJECTS.get(subject, subject)}"
    return Figure(f"pareto-{subject}", title, told, lambda width: charts.pareto(rows, value="ends", width=width))


def _siprec_sessions(run: Run) -> Iterator[Figure]:
    frame, along = _summed(run.frame, ["sessions_count", "failed_count"])
    started, failed = int(frame["sessions_count"].sum()), int(frame["failed_count"].sum())
    attempts = started + failed
    if not attempts:
        return
    rows = _long(frame, {"started": "sessions_count", "failed to start": "failed_count"})
    told = f"Of {attempts:,} attempts {started:,} started ({_share_text(started, attempts)}) and {failed:,} failed."
    title = f"Recordings started and failed, by {_word(along)}"
    yield _stack("starts", title, told, rows, along, _STARTS, "attempts")


def _refer_outcomes(run: Run) -> Iterator[Figure]:
    counts = Counter[str]()
    for outcome, count in zip(run.frame["outcome"].fillna("").tolist(), run.frame["outcome_count"], strict=True):
        counts[outcome] += int(count)
    found = _falling({outcome: count for outcome, count in counts.items() if outcome and count})
    whole = sum(found.values())
    if not whole:
        return
    fills = {outcome: _outcome_fill(outcome) for outcome in found}
    yield _listed("outcomes", "How transfers ended", "transfers", found, fills)


def _call_volume(run: Run) -> Iterator[Figure]:
    frame, along = _summed(run.frame, [f"{name}_count" for name in (*_ANSWERS, *_UNANSWERED)])
    sums = {name: int(frame[f"{name}_count"].sum()) for name in (*_ANSWERS, *_UNANSWERED)}
    whole = sum(sums[name] for name in _ANSWERS)
    if not whole:
        return
    told = ", ".join(f"{name} {sums[name]:,}" for name in _ANSWERS)
    rows = _long(frame, {name: f"{name}_count" for name in _ANSWERS})
    yield _stack("answers", f"Call legs by {_word(along)}", f"{whole:,} legs: {told}.", rows, along, _ANSWERS, "legs")
    whys = {_words(name): sums[name] for name in _UNANSWERED}
    if any(whys.values()):
        yield _listed("unanswered", "Why legs were not answered", "unanswered legs", whys, {})


def _log_integrity(run: Run) -> Iterator[Figure]:
    counts = Counter[str]()
    columns = (run.frame[name].tolist() for name in ("measure", "detail", "measured_count"))
    for measure, detail, count in zip(*columns, strict=True):
        if pd.isna(detail) and measure not in _NOT_ODD:
            counts[_words(measure)] += int(count)
    if any(counts.values()):
        yield _listed("oddities", "What is not as it should be, beside the events", "found", counts, {})


def _outcome_fill(outcome: str) -> str:
    if outcome == "completed":
        return "solid-blue"
    if outcome == "pending":
        return "lines-grey"
    return _UNCONFIRMED if outcome.startswith(("unconfirmed", "superseded")) else "cross-red"


_FIGURES: Mapping[str, Callable[[Run], Iterator[Figure]]] = {
    "call_volume": _call_volume,
    "coverage_exceptions": _coverage_exceptions,
    "failure_causes": _failure_causes,
    "log_integrity": _log_integrity,
    "recording_coverage": _recording_coverage,
    "refer_outcomes": _refer_outcomes,
    "siprec_sessions": _siprec_sessions,
}


def hours(milliseconds: int) -> str:
    """Write a duration as hours, minutes and seconds, rounded down."""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes // 60:,} h {minutes % 60:02} min {seconds:02} s"


def _stack(  # noqa: PLR0913, PLR0917 - what every stacked chart has
    name: str, title: str, told: str, rows: pd.DataFrame, along: str, fills: Mapping[str, str], value: str
) -> Figure:
    if along in _TIMES:
        return Figure(name, title, told, lambda width: charts.stacked(rows, fills, value=value, width=width))
    sums = Counter[str]()
    for each, amount in zip(rows["along"].tolist(), rows["value"].tolist(), strict=True):
        sums[each] += amount
    names = list(_falling(sums))[:NAMES_MAX]
    left_out = len(sums) - len(names)
    told += f" {left_out:,} more with less are in the table alone." if left_out else ""
    drawn = pd.concat([rows[rows["along"] == each] for each in names], ignore_index=True)
    return Figure(name, title, told, lambda width: charts.stacked_across(drawn, fills, value=value, width=width))


def _falling(counts: Mapping[str, _Number]) -> dict[str, _Number]:
    """Sort by falling count, ties by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _share_text(part: int, whole: int) -> str:
    return ratios.floor_text(ratios.share(part, whole))


def _listed(name: str, title: str, value: str, counts: Mapping[str, int], fills: Mapping[str, str]) -> Figure:
    """Draw counts by falling number, each with its share of all."""
    found = _falling({each: count for each, count in counts.items() if count})
    whole = sum(found.values())
    texts = [f"{count:,}, {_share_text(count, whole)}" for count in found.values()]
    patterns = [f"url(#{fills.get(each, 'stripes-red')})" for each in found]
    rows = pd.DataFrame({"along": list(found), "value": list(found.values()), "text": texts, "fill": patterns})
    drawn = rows.head(NAMES_MAX)
    told = "; ".join(f"{each} {text}" for each, text in zip(drawn["along"], drawn["text"], strict=True))
    told = f"{whole:,} {value}: {told}."
    return Figure(name, title, told, lambda width: charts.counted(drawn, value=value, width=width))


def _summed(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Add the columns up along time where the report is broken down by it, else along its first key, else in all."""
    along = next((key for key in (*_TIMES, *KEY_COLUMNS) if key in frame.columns), "all")
    names = frame[along].fillna(f"no {_word(along)}") if along in frame.columns else pd.Series("all", frame.index)
    summed = frame[list(columns)].fillna(0).astype("int64").groupby(names.rename("along")).sum().reset_index()
    return summed.assign(talk=summed[list(columns)].sum(axis="columns")), along


def _long(frame: pd.DataFrame, kinds: Mapping[str, str], scale: int = 1) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame({"along": frame["along"], "kind": kind, "value": frame[column] / scale})
            for kind, column in kinds.items()
        ],
        ignore_index=True,
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _word(along: str) -> str:
    return {"connection_id": "connection", "all": "period"}.get(along, along)
