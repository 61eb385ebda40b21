"""XLSX: the rows in typed cells, with a sheet on what was asked and one for the trend.

Text is only ever written as text, so that none becomes a formula or a link, not even when somebody edits its cell.
A ratio is two columns: the exact number, and beside it the percentage as the page and the terminal show it. A
spreadsheet's own percent format would round 0.9996 to 100 %.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import xlsxwriter

from reports import content, heading
from reports.columns import Column, Kind, shown
from reports.errors import FormatUnfit
from reports.formats.delimited import FORMULA_STARTS
from reports.runs import Run

ROWS_MAX = 1_048_575
"""Of a sheet, below its head."""

TEXT_MAX = 32_767
"""Characters of a cell; what is cut says so."""

_CREATED = datetime(2000, 1, 1, tzinfo=UTC)
_RATIOS = (Kind.GOOD_RATIO, Kind.BAD_RATIO)
_WIDTH_MIN, _WIDTH_MAX = 12, 48
_MEASURED = 500
"""Rows that decide how wide a column is."""


def encode(run: Run, head: Mapping[str, Any]) -> bytes:
    """Give the workbook. Raises FormatUnfit where the rows are more than a sheet holds."""
    if len(run.frame) > ROWS_MAX:
        raise FormatUnfit(f"xlsx holds {ROWS_MAX:,} rows and the report has {len(run.frame):,}: take csv or parquet")
    sink = io.BytesIO()
    book: Any = xlsxwriter.Workbook(sink, {"constant_memory": True})
    # A fixed date: the same run is the same bytes, whenever it was written.
    book.set_properties({"title": run.name, "created": _CREATED.replace(tzinfo=None)})
    _Sheet(book, "Report").table(run.frame, run.columns)
    _Sheet(book, "About").pairs(heading.lines(run, head))
    trend = content.trend(run)
    if trend is not None:
        _Sheet(book, "Trend").table(trend, content.trend_columns(run))
    book.close()
    return sink.getvalue()


class _Sheet:
    def __init__(self, book: Any, name: str) -> None:
        self._sheet: Any = book.add_worksheet(name)
        self._head: Any = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        self._quoted: Any = book.add_format({"quote_prefix": True})
        self._whole: Any = book.add_format({"num_format": "#,##0"})
        self._wrapped: Any = book.add_format({"text_wrap": True, "valign": "top"})

    def table(self, frame: pd.DataFrame, columns: Sequence[Column]) -> None:
        styles = [style for column in columns for style in self._styles(column)]
        titles = [title for column in columns for title in _titles(column)]
        rows = _rows(frame, columns)
        self._laid_out(titles, rows)
        for place, title in enumerate(titles):
            self._text(0, place, title, self._head)
        for number, row in enumerate(rows, 1):
            for place, value in enumerate(row):
                self._cell(number, place, value, styles[place])

    def pairs(self, given: Sequence[tuple[str, str]]) -> None:
        self._sheet.set_column(0, 0, 24)
        self._sheet.set_column(1, 1, 90)
        for number, (name, text) in enumerate(given):
            self._text(number, 0, name, self._head)
            self._text(number, 1, text, self._wrapped)

    def _laid_out(self, titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        for place, title in enumerate(titles):
            cells = [title, *(row[place] for row in rows[:_MEASURED])]
            # A number in a narrow column would be rounded to fit: 0.99996 to 1.
            widest = max(len(str(cell)) for cell in cells) + 2
            self._sheet.set_column(place, place, min(max(widest, _WIDTH_MIN), _WIDTH_MAX))
        self._sheet.freeze_panes(1, 0)
        self._sheet.autofilter(0, 0, len(rows), max(len(titles) - 1, 0))
        self._sheet.repeat_rows(0)
        self._sheet.set_landscape()
        self._sheet.set_paper(9)
        self._sheet.fit_to_pages(1, 0)

    def _styles(self, column: Column) -> tuple[Any, ...]:
        if column.kind in _RATIOS:
            return None, None
        return (self._whole if column.kind in (Kind.COUNT, Kind.MILLISECONDS) else None,)

    def _cell(self, row: int, place: int, value: Any, style: Any) -> None:
        if isinstance(value, str):
            self._text(row, place, value, self._quoted if value.startswith(FORMULA_STARTS) else style)
        elif value is not None:
            self._sheet.write_number(row, place, value, style)

    def _text(self, row: int, place: int, text: str, style: Any) -> None:
        if len(text) > TEXT_MAX:
            mark = f" [cut, {len(text):,} characters]"
            text = text[: TEXT_MAX - len(mark)] + mark
        self._sheet.write_string(row, place, text, style)


def _titles(column: Column) -> tuple[str, ...]:
    return (column.name, f"{column.name} %") if column.kind in _RATIOS else (column.name,)


def _rows(frame: pd.DataFrame, columns: Sequence[Column]) -> list[list[Any]]:
    """Give the rows, after each ratio its text."""
    texts = content.rows(shown(frame, columns))
    ratios = [column.kind in _RATIOS for column in columns]
    return [
        [cell for pair in zip(row, text, ratios, strict=True) for cell in (pair[:2] if pair[2] else pair[:1])]
        for row, text in zip(content.rows(frame), texts, strict=True)
    ]
