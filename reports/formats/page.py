"""HTML: one file to read, print and sign, with everything in it: no script runs and nothing is fetched.

Charts are drawn twice, for a wide and a narrow screen. A wide table is cut into pieces that fit a sheet of paper, the
columns that name a row on each; a few rows stand upright, a line a figure, with what it means beside.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import jinja2
import pandas as pd
from markupsafe import Markup

from reports import content, drawing, figures, heading
from reports.columns import Column, Kind, shown
from reports.question import KEY_COLUMNS
from reports.runs import Run

ROWS_MAX = 2_000
"""Of a table; who needs more takes another format."""

UPRIGHT_MAX = 4
"""So many rows stand upright, if they have more columns than one piece."""

PIECE = 12
"""Columns of a piece, beside those that name a row."""

SHORT = 26
"""Characters that stay on one line."""

WIDE, NARROW = 860, 320
"""Pixels of a chart."""

_SIGNED = ("recording_coverage",)
_NAMING = (*KEY_COLUMNS, "week", "subject", "cause_name", "outcome", "final_code", "call_leg_id", "answered_at")


class Cell(NamedTuple):
    """A head or a figure; ``number`` ones are aligned right."""

    text: str
    number: bool
    meaning: str = ""

    @property
    def short(self) -> bool:
        """Whether it is never broken over lines: a date is not."""
        return len(self.text) <= SHORT


class Table(NamedTuple):
    """A piece of a table. ``upright``: a row is a column of the report, and the head names rows of it."""

    head: tuple[Cell, ...]
    rows: list[tuple[Cell, ...]]
    upright: bool = False


def encode(run: Run, head: Mapping[str, Any]) -> bytes:
    """Give the page."""
    lines = heading.lines(run, head)
    trend = content.trend(run)
    page = _template().render(
        title=lines[0].text.partition(": ")[2] or run.name,
        name=run.name,
        period=heading.period(head["period"]),
        lines=lines,
        verification=head["verification"],
        verified=heading.verification(head["verification"]),
        unverified=heading.left_out(head["verification"]),
        charts=list(_charts(run)),
        tables=tables(run.frame, run.columns),
        left_out=max(0, len(run.frame) - ROWS_MAX),
        trend=[] if trend is None else tables(trend, content.trend_columns(run)),
        columns=run.columns,
        signed=run.name in _SIGNED,
        content_sha256=content.sha256(run),
        position=head["log_position"],
    )
    return page.encode()


def tables(frame: pd.DataFrame, columns: Sequence[Column]) -> list[Table]:
    """Give the pieces in which a frame is shown, its figures as text, rounded honestly."""
    rows = content.rows(shown(frame.head(ROWS_MAX), columns))
    if len(rows) <= UPRIGHT_MAX and len(columns) > PIECE:
        return [_upright(columns, rows)]
    cells = [tuple(Cell(text, _is_number(column)) for text, column in zip(row, columns, strict=True)) for row in rows]
    return [
        Table(
            tuple(Cell(_title(columns[place]), _is_number(columns[place]), columns[place].meaning) for place in places),
            [tuple(row[place] for place in places) for row in cells],
        )
        for places in _pieces(columns)
    ]


def _pieces(columns: Sequence[Column]) -> Iterator[list[int]]:
    naming = [place for place, column in enumerate(columns) if column.name in _NAMING]
    others = [place for place in range(len(columns)) if place not in naming]
    if not others:
        yield naming
    # As even as can be: no last piece with one column.
    pieces = -(-len(others) // PIECE)
    size = -(-len(others) // pieces) if pieces else 0
    for start in range(0, len(others), size or 1):
        yield [*naming, *others[start : start + size]]


def _upright(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    lines = [
        (
            Cell(_title(column), number=False, meaning=column.meaning),
            *(Cell(row[place], number=True) for row in rows),
            Cell(column.meaning, number=False),
        )
        for place, column in enumerate(columns)
    ]
    numbers = (Cell("" if len(rows) == 1 else f"{number}", number=True) for number in range(1, len(rows) + 1))
    return Table((Cell("Figure", number=False), *numbers, Cell("Meaning", number=False)), lines, upright=True)


def _charts(run: Run) -> Iterator[Mapping[str, Any]]:
    for figure in figures.of(run):
        drawn = {
            kind: Markup(  # noqa: S704 - our own drawing; the texts in it are escaped
                drawing.svg(
                    figure.spec(width),
                    id_=f"{figure.name}-{kind}",
                    title=figure.title,
                    description=figure.description,
                    kind=kind,
                )
            )
            for kind, width in (("wide", WIDE), ("narrow", NARROW))
        }
        yield {"title": figure.title, "description": figure.description, **drawn}


def _is_number(column: Column) -> bool:
    return column.kind is not Kind.TEXT


def _title(column: Column) -> str:
    return column.name.replace("_", " ")


@cache
def _template() -> jinja2.Template:
    made = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return made.from_string((files("reports") / "templates" / "report.html").read_text(encoding="utf-8"))
