"""What charts of reports have in common: what a chart is, and how figures of a frame become its rows."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from reports import charts, ratios
from reports.charts import Spec
from reports.question import KEY_COLUMNS

_Number = TypeVar("_Number", int, float)

NAMES_MAX = 20
"""Names in one chart; the table has all."""

ALL = "all"
"""What a chart goes along where the report is not broken down."""

TIMES = ("day", "week")
"""What may stand along a chart as time."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart of a run; ``spec`` draws it for a width in pixels, axes and names not counted."""

    name: str
    title: str
    description: str
    spec: Callable[[int], Spec]


def hours(milliseconds: int) -> str:
    """Write a duration as hours, minutes and seconds, rounded down."""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes // 60:,} h {minutes % 60:02} min {seconds:02} s"


def stack(  # noqa: PLR0913, PLR0917 - what every stacked chart has
    name: str, title: str, told: str, rows: pd.DataFrame, along: str, fills: Mapping[str, str], value: str
) -> Figure:
    """Stack the rows (along, kind, value): upright along time, lying along names, those with most on top."""
    if along in TIMES:
        return Figure(name, title, told, lambda width: charts.stacked(rows, fills, value=value, width=width))
    sums = Counter[str]()
    for each, amount in zip(rows["along"].tolist(), rows["value"].tolist(), strict=True):
        sums[each] += amount
    names = list(falling(sums))[:NAMES_MAX]
    left_out = len(sums) - len(names)
    told += f" {left_out:,} more with less are in the table alone." if left_out else ""
    drawn = pd.concat([rows[rows["along"] == each] for each in names], ignore_index=True)
    return Figure(name, title, told, lambda width: charts.stacked_across(drawn, fills, value=value, width=width))


def falling(counts: Mapping[str, _Number]) -> dict[str, _Number]:
    """Sort by falling count, ties by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def share_text(part: int, whole: int) -> str:
    """Write a share as a percentage, rounded down."""
    return ratios.floor_text(ratios.share(part, whole))


def listed(name: str, title: str, value: str, counts: Mapping[str, int], fills: Mapping[str, str]) -> Figure:
    """Draw counts by falling number; where they have patterns they are parts of a whole, each with its share."""
    found = falling({each: count for each, count in counts.items() if count})
    whole = sum(found.values())
    texts = [f"{count:,}, {share_text(count, whole)}" if fills else f"{count:,}" for count in found.values()]
    patterns = [f"url(#{fills.get(each, 'stripes-red')})" for each in found]
    rows = pd.DataFrame({"along": list(found), "value": list(found.values()), "text": texts, "fill": patterns})
    drawn = rows.head(NAMES_MAX)
    told = "; ".join(f"{each} {text}" for each, text in zip(drawn["along"], drawn["text"], strict=True))
    told = f"{whole:,} {value}: {told}." if fills else f"{value.capitalize()}: {told}."
    return Figure(name, title, told, lambda width: charts.counted(drawn, value=value, width=width))


def summed(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Add the columns up along time where the report is broken down by it, else along its first key, else in all."""
    along = next((key for key in (*TIMES, *KEY_COLUMNS) if key in frame.columns), ALL)
    names = frame[along].fillna(f"no {word(along)}") if along in frame.columns else pd.Series(ALL, frame.index)
    summed = frame[list(columns)].fillna(0).astype("int64").groupby(names.rename("along")).sum().reset_index()
    return summed.assign(talk=summed[list(columns)].sum(axis="columns")), along


def long(frame: pd.DataFrame, kinds: Mapping[str, str], scale: int = 1) -> pd.DataFrame:
    """Give a row (along, kind, value) for each column of a frame, its values divided by ``scale``."""
    return pd.concat(
        [
            pd.DataFrame({"along": frame["along"], "kind": kind, "value": frame[column] / scale})
            for kind, column in kinds.items()
        ],
        ignore_index=True,
    )


def words(name: str) -> str:
    """Write a name of the program as words."""
    return name.replace("_", " ")


def word(along: str) -> str:
    """Say in a word what a chart goes along."""
    return {"connection_id": "connection"}.get(along, along)
