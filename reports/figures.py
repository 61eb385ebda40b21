"""Which charts stand in a report, each with a title and a sentence that says its figures to whoever cannot see it."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate

import pandas as pd

from reports import charts, content, ratios
from reports.figure import (
    ALL,
    NAMES_MAX,
    TIMES,
    Figure,
    falling,
    hours,
    listed,
    long,
    share_text,
    stack,
    summed,
    word,
    words,
)
from reports.runs import Run

TARGET = 0.995
"""Share of calls recorded in full, by webhooks at both ends, that is usually asked for (domain 7.1)."""

_MS_PER_HOUR = 3_600_000
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


def of(run: Run) -> tuple[Figure, ...]:
    """Give the charts of a run; none where there is nothing to draw."""
    return tuple(_FIGURES.get(run.name, _none)(run))


def _none(run: Run) -> Iterator[Figure]:
    del run
    yield from ()


def _recording_coverage(run: Run) -> Iterator[Figure]:
    frame, along = summed(run.frame, [f"{part}_ms" for part in _PARTS])
    if not frame.empty and frame["talk"].sum():
        yield _talk_time(frame, along)
        if along in TIMES:
            yield _bounds(frame, along)
    weekly = content.trend(run)
    if weekly is not None and weekly["strict_rate"].notna().any():
        yield _weekly(weekly)


def _talk_time(frame: pd.DataFrame, along: str) -> Figure:
    sums = {part: int(frame[f"{part}_ms"].sum()) for part in _PARTS}
    told = "Talk time: " + ", ".join(f"{part} {hours(value)}" for part, value in sums.items())
    rows = long(frame, {part: f"{part}_ms" for part in _PARTS}, scale=_MS_PER_HOUR)
    title = f"Talk time{_by(along)}, and what of it was recorded"
    return stack("talk-time", title, f"{told}.", rows, along, _PARTS, "hours")


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
        f"Of all talk time at least {share_text(int(low.sum()), whole)} was recorded (low), "
        f"{share_text(int(mid.sum()), whole)} with ends taken from the hangup (mid), and at most "
        f"{ratios.ceil_text(ratios.share(int(high.sum()), whole))} (high). "
        f"Lowest: {day} with {ratios.floor_text(worst)}. A bar goes from low to high, the thick tick is mid."
    )
    title = f"Share of talk time recorded, low to high{_by(along)}"
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
    yield stack("verdicts", "Findings by day of the answer and verdict", f"{told}.", rows, "day", fills, "calls")


def _failure_causes(run: Run) -> Iterator[Figure]:
    endings = Counter[tuple[str, str]]()
    columns = (run.frame[name].tolist() for name in ("subject", "cause_name", "endings_count"))
    for subject, cause, count in zip(*columns, strict=True):
        endings[subject, cause] += count
    for wanted in dict.fromkeys(subject for subject, _ in endings):
        counts = {cause: count for (subject, cause), count in endings.items() if subject == wanted and count}
        if counts:
            yield _pareto(wanted, falling(counts))


def _pareto(subject: str, counts: Mapping[str, int]) -> Figure:
    whole = sum(counts.values())
    drawn = list(counts.items())[:NAMES_MAX]
    reached = list(accumulate(count for _, count in drawn))
    texts = [f"{count:,}, {share_text(part, whole)}" for (_, count), part in zip(drawn, reached, strict=True)]
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
    frame, along = summed(run.frame, ["sessions_count", "failed_count"])
    started, failed = int(frame["sessions_count"].sum()), int(frame["failed_count"].sum())
    attempts = started + failed
    if not attempts:
        return
    rows = long(frame, {"started": "sessions_count", "failed to start": "failed_count"})
    told = f"Of {attempts:,} attempts {started:,} started ({share_text(started, attempts)}) and {failed:,} failed."
    title = f"Recordings started and failed{_by(along)}"
    yield stack("starts", title, told, rows, along, _STARTS, "attempts")


def _refer_outcomes(run: Run) -> Iterator[Figure]:
    counts = Counter[str]()
    for outcome, count in zip(run.frame["outcome"].fillna("").tolist(), run.frame["outcome_count"], strict=True):
        counts[outcome] += int(count)
    found = falling({outcome: count for outcome, count in counts.items() if outcome and count})
    whole = sum(found.values())
    if not whole:
        return
    fills = {outcome: _outcome_fill(outcome) for outcome in found}
    yield listed("outcomes", "How transfers ended", "transfers", found, fills)


def _call_volume(run: Run) -> Iterator[Figure]:
    frame, along = summed(run.frame, [f"{name}_count" for name in (*_ANSWERS, *_UNANSWERED)])
    sums = {name: int(frame[f"{name}_count"].sum()) for name in (*_ANSWERS, *_UNANSWERED)}
    whole = sum(sums[name] for name in _ANSWERS)
    if not whole:
        return
    told = ", ".join(f"{name} {sums[name]:,}" for name in _ANSWERS)
    rows = long(frame, {name: f"{name}_count" for name in _ANSWERS})
    yield stack("answers", f"Call legs{_by(along)}", f"{whole:,} legs: {told}.", rows, along, _ANSWERS, "legs")
    whys = {words(name): sums[name] for name in _UNANSWERED}
    if any(whys.values()):
        yield listed(
            "unanswered", "Why legs were not answered", "unanswered legs", whys, dict.fromkeys(whys, "lines-grey")
        )


def _log_integrity(run: Run) -> Iterator[Figure]:
    counts = Counter[str]()
    columns = (run.frame[name].tolist() for name in ("measure", "detail", "measured_count"))
    for measure, detail, count in zip(*columns, strict=True):
        if pd.isna(detail) and measure not in _NOT_ODD:
            counts[words(measure)] += int(count)
    if any(counts.values()):
        yield listed("oddities", "What is not as it should be, beside the events", "found", counts, {})


def _by(along: str) -> str:
    return "" if along == ALL else f" by {word(along)}"


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
