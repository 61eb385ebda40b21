"""CSV (RFC 4180): rows alone, so that every reader can take them; the manifest has the rest."""

import csv
import io
import re
from collections.abc import Mapping
from typing import Any

from reports import content
from reports.runs import Run

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  meant so
"""What makes a spreadsheet read a cell as a formula or a command, at its start."""

_AFTER_A_SEPARATOR = re.compile(r"([;\t] *)([=+\-@＝＋－＠])")  # noqa: RUF001  meant so
"""Where the list separator is a semicolon, a spreadsheet splits there, quotes or not."""


def encode(run: Run, head: Mapping[str, Any]) -> bytes:
    """Give header line and rows, CRLF, UTF-8. What a spreadsheet would run has ``'`` before it."""
    del head
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(run.frame.columns)
    writer.writerows([_cell(value) for value in row] for row in content.rows(run.frame))
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):  # only text can be a formula: a negative number stays a number
        return value
    text = _AFTER_A_SEPARATOR.sub(r"\1'\2", value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
