"""The declared columns of a report: what each means, its type, the check it must pass, and how it is shown.

Counts and durations are whole numbers, ratios are floats between 0 and 1 and means floats from 0 on, either NaN where
there was nothing to count. Units stand in the names: ``*_count``, ``*_ms``, ``*_rate``, ``*_share``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pandas as pd

from reports import ratios

NOTHING_TEXT = "no eligible calls"


class Kind(Enum):
    """What a column holds; decides its type and its rounding when shown."""

    TEXT = "text"
    COUNT = "count"
    MILLISECONDS = "ms, rounded down"
    CODE = "SIP status"
    GOOD_RATIO = "ratio 0..1, shown rounded down"
    BAD_RATIO = "ratio 0..1, shown rounded up"
    MEAN = "number, shown rounded up"


_DTYPES = {Kind.TEXT: "str", Kind.COUNT: "int64", Kind.MILLISECONDS: "Int64", Kind.CODE: "Int64"}
_RATIO_TEXTS: dict[Kind, Callable[[float], str]] = {
    Kind.GOOD_RATIO: ratios.floor_text,
    Kind.BAD_RATIO: ratios.ceil_text,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a report. ``meaning`` is the sentence of the documentation."""

    name: str
    kind: Kind
    meaning: str


DAY = Column("day", Kind.TEXT, "Local date in the report's zone; only when broken down by day.")
WEEK = Column("week", Kind.TEXT, "Monday of the ISO week, a local date in the report's zone; only by week.")
HOUR = Column("hour", Kind.TEXT, "Local hour of the day with its offset from UTC, as 14 +01:00; only by hour.")
CONNECTION = Column(
    "connection_id", Kind.TEXT, "The Telnyx connection, empty where no event named one; only by connection."
)
NUMBER = Column(
    "number", Kind.TEXT, "Our number: called where the leg is incoming, calling where outgoing; only by number."
)
TAG = Column("tag", Kind.TEXT, "What the leg's tags say of the one asked for, empty where nothing; only by tag.")
KEYS = (DAY, WEEK, CONNECTION, NUMBER, TAG)
"""The columns that name a group, first in every report."""

HOURLY_KEYS = (DAY, WEEK, HOUR, CONNECTION, NUMBER, TAG)
"""The same where a report is also broken down by hour."""


def declared(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Give the frame with exactly these columns, typed and checked; a report that breaks its word raises."""
    typed = frame[[column.name for column in columns]].reset_index(drop=True)
    typed = typed.astype({column.name: _DTYPES.get(column.kind, "float64") for column in columns})
    return _schema(columns).validate(typed)


def shown(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Give the frame as text for people: percentages rounded honestly, blanks for what is unknown."""
    texts = {column.name: [_text(column, value) for value in frame[column.name]] for column in columns}
    return pd.DataFrame(texts, dtype="str")


def _text(column: Column, value: Any) -> str:
    if pd.isna(value):
        return NOTHING_TEXT if column.name.endswith("_rate") else ""
    if column.kind in _RATIO_TEXTS:
        return _RATIO_TEXTS[column.kind](value)
    if column.kind is Kind.MEAN:
        return ratios.mean_text(value)
    return str(value) if column.kind in (Kind.TEXT, Kind.CODE) else f"{value:,}"


def _schema(columns: Sequence[Column]) -> Any:
    # pandera takes most of a second to import, which `report list` should not pay.
    import pandera.pandas as pandera  # noqa: PLC0415

    check: Any = pandera.Check  # its stubs are partial
    ratio = check.in_range(0, 1)
    checks = {Kind.COUNT: check.ge(0), Kind.GOOD_RATIO: ratio, Kind.BAD_RATIO: ratio, Kind.MEAN: check.ge(0)}
    return pandera.DataFrameSchema(
        {
            column.name: pandera.Column(
                _DTYPES.get(column.kind, "float64"),
                checks.get(column.kind),
                nullable=column.kind is not Kind.COUNT,
            )
            for column in columns
        },
        strict=True,
        ordered=True,
    )
