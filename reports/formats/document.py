"""JSON: what was asked, as of when, by which versions, then the rows and the trend."""

from collections.abc import Mapping
from typing import Any

import orjson

from reports import content
from reports.runs import Run

READABLE = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def encode(run: Run, head: Mapping[str, Any]) -> bytes:
    """Give one object: the header's keys, ``rows``, and ``trend`` where there is one; unknown is null."""
    frame = content.trend(run)
    trend = {} if frame is None else {"trend": content.records(frame)}
    return orjson.dumps({**head, "rows": content.records(run.frame), **trend}, option=READABLE)
