"""CSV (RFC 4180): rows alone, so that every reader can take them; the manifest has the rest."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from reports import content
from reports.runs import Run

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet read a cell as a formula or a command, at its start."""


def encode(run: Run, head: Mapping[str, Any]) -> bytes:
    """Give header line and rows, CRLF, UTF-8. Text that a spreadsheet would run begins with ``'``."""
    del head
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(run.frame.columns)
    writer.writerows([_cell(value) for value in row] for row in content.rows(run.frame))
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    # Only text can be a formula: a negative number stays a number.
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
