"""CSV and Parquet as DuckDB and pandas read them: the same values."""

from pathlib import Path
from typing import Any

import duckdb
import orjson
import pandas as pd

from reports import export
from tests.unit.reports.test_export import failed, run

ANSWER = run(*(failed(raw) for raw in ("=1+1", 'a "b", c', "line\nend", "\r", "ü", "plain")), by="day,connection")


def expected() -> list[list[Any]]:
    """Give the rows as the JSON has them, text as a CSV prefixes it."""
    rows = orjson.loads(export.encode(ANSWER, "json", program_version="1"))["rows"]
    return [[f"'{v}" if isinstance(v, str) and v[:1] in "=+-@\t\r\n" else v for v in row.values()] for row in rows]


def written(folder: Path, name: str) -> str:
    """Write the answer and give the path of its file."""
    return export.write(ANSWER, folder, [name], program_version="1")[0]


def test_csv_by_duckdb(tmp_path: Path) -> None:
    """DuckDB's reader, which infers types, finds every value."""
    path = written(tmp_path, "csv")
    found = duckdb.execute("SELECT * FROM read_csv(?, header = true, all_varchar = false)", [path]).fetchall()
    text = [[None if v is None else str(v) for v in row] for row in expected()]
    assert [[None if v is None else str(float(v) if isinstance(v, float) else v) for v in row] for row in found] == text


def test_csv_by_pandas(tmp_path: Path) -> None:
    """Pandas finds every value."""
    found = pd.read_csv(written(tmp_path, "csv"))
    assert [[None if pd.isna(v) else v for v in row] for row in found.itertuples(index=False)] == expected()


def test_parquet_by_duckdb(tmp_path: Path) -> None:
    """DuckDB finds text as it is, and types without guessing."""
    path = written(tmp_path, "parquet")
    found = duckdb.execute("SELECT * FROM read_parquet(?)", [path]).fetchall()
    rows = orjson.loads(export.encode(ANSWER, "json", program_version="1"))["rows"]
    assert [list(row) for row in found] == [list(row.values()) for row in rows]
