"""Charts of reports: each a plain function from a frame to an Altair spec, the same for a file and for a page.

What kind a thing is shows by its pattern and its name, never by colour alone. Texts and lines take the colour of the
page (``currentColor``), patterns are those of ``reports.drawing``. Nothing depends on a clock, a zone or a locale.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd

from reports.drawing import FONT

alt: Any = importlib.import_module("altair")  # its types do not survive layering and configuring

Spec: TypeAlias = Any
"""An Altair chart."""

TEXT_SIZE = 12
HEIGHT = 220
_ROW = 26
_INK = "currentColor"
_EXACT_PERCENT = ".6~%"
"""Ticks are never rounded: 0.9998 is 99.98 %, not 100 %."""
_STARTS = (0.99, 0.95, 0.9, 0.75, 0.5)
"""Where an axis of high shares may begin."""


def stacked(rows: pd.DataFrame, fills: Mapping[str, str], *, value: str, width: int) -> Spec:
    """Stack ``value`` of each ``kind`` over ``along``, upright; ``fills`` gives each kind its pattern, from below."""
    chart = alt.Chart(_ranked(rows, fills), width=width, height=HEIGHT).mark_bar(stroke=_INK, strokeWidth=0.5)
    return _plain(
        chart.encode(
            x=_time_axis(rows),
            y=alt.Y("value:Q", title=value, axis=_counts(rows)),
            fill=_fill(fills, width),
            order=alt.Order("rank:Q"),
        )
    )


def stacked_across(rows: pd.DataFrame, fills: Mapping[str, str], *, value: str, width: int) -> Spec:
    """Stack ``value`` of each ``kind`` for the names in ``along``, lying, in the order of the rows."""
    names = list(dict.fromkeys(rows["along"]))
    chart = alt.Chart(_ranked(rows, fills), width=width, height=_ROW * len(names))
    return _plain(
        chart.mark_bar(stroke=_INK, strokeWidth=0.5).encode(
            y=_names(names, width),
            x=alt.X("value:Q", title=value, axis=_counts(rows)),
            fill=_fill(fills, width),
            order=alt.Order("rank:Q"),
        )
    )


def ranges(rows: pd.DataFrame, *, value: str, width: int) -> Spec:
    """Draw from ``low`` to ``high`` over ``along``, with a tick at ``mid``: what is known, and what may be."""
    start = axis_start(rows["low"])
    base = alt.Chart(rows, width=width, height=HEIGHT).encode(x=_time_axis(rows))
    axis = alt.Y("low:Q", title=_titled(value, start), scale=_zoomed(start), axis=alt.Axis(format=_EXACT_PERCENT))
    bar = base.mark_bar(width=7, fill="url(#stripes-blue)", stroke=_INK, strokeWidth=0.5)
    tick = base.mark_tick(thickness=3, width=15, color=_INK)
    end = base.mark_tick(thickness=1, width=11, color=_INK)
    return _plain(
        alt.layer(
            bar.encode(y=axis, y2="high:Q"), end.encode(y="low:Q"), end.encode(y="high:Q"), tick.encode(y="mid:Q")
        )
    )


def trend(rows: pd.DataFrame, *, value: str, target: float, width: int) -> Spec:
    """Draw the ``share`` of each ``series`` over ``along`` as lines, intervals from ``low`` to ``high``, a target."""
    start = axis_start(pd.concat([rows["low"], rows["share"], pd.Series([target])]))
    base = alt.Chart(rows, width=width, height=HEIGHT).encode(x=_time_axis(rows))
    axis = alt.Y("low:Q", title=_titled(value, start), scale=_zoomed(start), axis=alt.Axis(format=_EXACT_PERCENT))
    spans = base.mark_rule(color=_INK, opacity=0.45).encode(y=axis, y2="high:Q")
    rule = alt.Chart(pd.DataFrame({"target": [target]}), width=width, height=HEIGHT)
    dotted = rule.mark_rule(strokeDash=[2, 3], color=_INK, strokeWidth=1.5).encode(y="target:Q")
    return _plain(alt.layer(spans, dotted, *_lines(base, list(dict.fromkeys(rows["series"])))))


def _lines(base: Spec, series: Sequence[str]) -> tuple[Spec, Spec]:
    """Give a line and points for each series, apart by their dashes and their shapes."""
    legend = alt.Legend(title=None, orient="top", columns=1)
    dashes = alt.Scale(domain=series, range=[[1, 0], [5, 3]])
    shapes = alt.Scale(domain=series, range=["circle", "triangle-up"])
    dash = alt.StrokeDash("series:N", legend=legend, scale=dashes)
    shape = alt.Shape("series:N", legend=legend, scale=shapes)
    lines = base.mark_line(color=_INK, strokeWidth=1.5).encode(y="share:Q", strokeDash=dash)
    points = base.mark_point(color=_INK, filled=True, fill=_INK, size=55).encode(y="share:Q", shape=shape)
    return lines, points


def counted(rows: pd.DataFrame, *, value: str, width: int) -> Spec:
    """Draw ``value`` for each name in ``along``, lying, with its ``text`` at the end and its own ``fill``."""
    base = alt.Chart(rows, width=width, height=_ROW * len(rows)).encode(y=_names(list(rows["along"]), width))
    axis = alt.X("value:Q", title=value, scale=_roomy(rows["value"]), axis=_counts(rows))
    fill = alt.Fill("fill:N", scale=None, legend=None)
    bars = base.mark_bar(stroke=_INK, strokeWidth=0.5).encode(x=axis, fill=fill)
    texts = base.mark_text(align="left", dx=5, fontSize=TEXT_SIZE, color=_INK).encode(x="value:Q", text="text:N")
    return _plain(alt.layer(bars, texts))


def pareto(rows: pd.DataFrame, *, value: str, width: int) -> Spec:
    """Draw ``value`` for each name in ``along``, lying, and ``reached``: it and all above it, with its ``text``."""
    base = alt.Chart(rows, width=width, height=_ROW * len(rows)).encode(y=_names(list(rows["along"]), width))
    axis = alt.X("value:Q", title=value, scale=_roomy(rows["reached"]), axis=_counts(rows))
    bars = base.mark_bar(stroke=_INK, strokeWidth=0.5, fill="url(#stripes-red)").encode(x=axis)
    line = base.mark_line(color=_INK, strokeWidth=1.5).encode(x="reached:Q", order="reached:Q")
    points = base.mark_point(color=_INK, filled=True, fill=_INK, size=45).encode(x="reached:Q")
    texts = base.mark_text(align="left", dx=8, dy=-6, fontSize=TEXT_SIZE, color=_INK)
    return _plain(alt.layer(bars, line, points, texts.encode(x="reached:Q", text="text:N")))


def axis_start(lows: Any) -> float:
    """Give where an axis of shares may begin so that every one of them is on it."""
    least = pd.Series(lows, dtype="float64").min()
    return next((start for start in _STARTS if least >= start), 0.0)


def _time_axis(rows: pd.DataFrame) -> Any:
    order = list(dict.fromkeys(rows["along"]))
    # Dates of one year are short; labels that would overlap are left out.
    short = "slice(datum.value, 5)" if len({day[:4] for day in order}) == 1 else "datum.value"
    title = order[0] if len(order) == 1 else f"{order[0]} to {order[-1]}"
    axis = alt.Axis(labelExpr=short, labelAngle=0, labelOverlap="greedy", labelSeparation=6, grid=False)
    return alt.X("along:N", sort=order, title=title, axis=axis)


def _names(order: Sequence[str], width: int) -> Any:
    return alt.Y("along:N", sort=list(order), title=None, axis=alt.Axis(labelLimit=max(130, width // 3), grid=False))


def _fill(fills: Mapping[str, str], width: int) -> Any:
    scale = alt.Scale(domain=list(fills), range=[f"url(#{pattern})" for pattern in fills.values()])
    columns = max(2, width // 130)
    legend = alt.Legend(title=None, orient="top", columns=columns, symbolStrokeColor=_INK, symbolSize=200)
    return alt.Fill("kind:N", scale=scale, legend=legend)


def _ranked(rows: pd.DataFrame, fills: Mapping[str, str]) -> pd.DataFrame:
    order = {kind: rank for rank, kind in enumerate(fills)}
    return rows.assign(rank=[order[kind] for kind in rows["kind"]])


def _counts(rows: pd.DataFrame) -> Any:
    # Half a call is none: no ticks between whole numbers.
    whole = bool((rows["value"] == rows["value"].round()).all())
    return alt.Axis(format="~s", tickCount=5, **({"tickMinStep": 1} if whole else {}))


def _roomy(values: Any) -> Any:
    """Leave room for a text beside the longest."""
    return alt.Scale(domain=[0, max(1.0, float(values.max())) * 1.35], nice=False)


def _zoomed(start: float) -> Any:
    return alt.Scale(domain=[start, 1], nice=False)


def _titled(value: str, start: float) -> str:
    return f"{value} (axis from {start:.0%})" if start else value


def _plain(spec: Spec) -> Spec:
    """Give a spec the looks of the page it stands on."""
    axis: dict[str, Any] = {
        "labelColor": _INK,
        "titleColor": _INK,
        "domainColor": _INK,
        "tickColor": _INK,
        "gridColor": _INK,
        "gridOpacity": 0.15,
        "labelFontSize": TEXT_SIZE,
        "titleFontSize": TEXT_SIZE,
        "titleFontWeight": "normal",
    }
    legend = {"labelColor": _INK, "labelFontSize": TEXT_SIZE, "labelLimit": 260}
    fitted = alt.AutoSizeParams(type="fit-x", contains="padding")
    return spec.properties(autosize=fitted).configure(
        background="transparent", font=FONT, padding=5, axis=axis, legend=legend, view={"stroke": None}
    )
