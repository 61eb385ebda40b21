"""Parquet: the rows with their declared types, the header as metadata ``callaudit``."""

from collections.abc import Mapping
from typing import Any

import orjson

from reports import content
from reports.arrow import TEXT, WHOLE, pa, parquet
from reports.columns import Kind
from reports.runs import Run

_TYPES = {Kind.TEXT: TEXT, Kind.COUNT: WHOLE, Kind.MILLISECONDS: WHOLE, Kind.CODE: WHOLE}


def encode(run: Run, head: Mapping[str, Any]) -> bytes:
    """Give whole numbers, doubles and strings; unknown is null."""
    fields = [(column.name, _TYPES.get(column.kind, pa.float64())) for column in run.columns]
    schema = pa.schema(fields, metadata={"callaudit": orjson.dumps(head)})
    columns = [list(values) for values in zip(*content.rows(run.frame), strict=True)] or [[] for _ in fields]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), sink, compression="zstd")
    return sink.getvalue().to_pybytes()
