"""What a run says, apart from how a file puts it: its rows as plain values, its trend, and their hash.

``sha256`` is over the canonical rows, so it is the same whatever the format and whichever versions of libraries
wrote the files.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import orjson
import pandas as pd

from reports import registry
from reports.columns import Column, Kind
from reports.runs import Run


def rows(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Give the rows as text, whole numbers and floats; None for what is unknown."""
    columns = [frame[name].tolist() for name in frame.columns]
    return list(zip(*([None if pd.isna(value) else value for value in column] for column in columns), strict=True))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows as objects, keys in the order of the columns."""
    names = list(frame.columns)
    return [dict(zip(names, row, strict=True)) for row in rows(frame)]


def trend(run: Run) -> pd.DataFrame | None:
    """Give how the figures went over the weeks up to the period's end, where the report has that."""
    return getattr(run, "trend", None)


def trend_columns(run: Run) -> tuple[Column, ...]:
    """Give the columns of the trend, as the report declares them."""
    frame = trend(run)
    declared = registry.find(run.name).columns if run.name in registry.TITLES else ()
    known = {column.name: column for column in (*declared, *run.columns)}
    names = () if frame is None else tuple(str(name) for name in frame.columns)
    return tuple(known.get(name, Column(name, Kind.TEXT, "")) for name in names)


def sha256(run: Run) -> str:
    """Hash the canonical rows: one JSON array a line, the column names first, lines ended by LF, UTF-8.

    Where there is a trend, a line ``"trend"`` and its rows in the same way follow.
    """
    hashed = hashlib.sha256()
    for line in _lines(run):
        hashed.update(orjson.dumps(line) + b"\n")
    return hashed.hexdigest()


def _lines(run: Run) -> Iterator[Any]:
    yield from (list(run.frame.columns), *rows(run.frame))
    frame = trend(run)
    if frame is not None:
        yield from ("trend", list(frame.columns), *rows(frame))
