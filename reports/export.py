"""A report's answer as files: CSV, Parquet or JSON, and beside them the manifest that says what they are.

The same run gives the same bytes under the same library versions, and the same ``content_sha256`` under any:
it is taken over the canonical rows. A file appears whole or not at all; the manifest comes last, so that a
set without one, or with hashes that do not fit, was never finished.
"""

import csv
import hashlib
import io
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from calls import causes
from reports import calendar
from reports.arrow import TEXT, WHOLE, pa, parquet
from reports.columns import Kind
from reports.errors import FormatUnknown
from reports.runs import Run

_READABLE = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet read a cell as a formula or a command, at its start."""

_ARROW_TYPES = {Kind.TEXT: TEXT, Kind.COUNT: WHOLE, Kind.MILLISECONDS: WHOLE, Kind.CODE: WHOLE}


def write(run: Run, folder: Path, formats: Iterable[str], *, program_version: str) -> tuple[Path, ...]:
    """Write ``<report>.<format>`` for each format, then ``<report>.manifest.json``, into ``folder``.

    Gives the paths. Files of the same names are replaced. Raises OSError; FormatUnknown, before anything
    is written.
    """
    contents = {f"{run.name}.{name}": encode(run, name, program_version=program_version) for name in formats}
    contents[f"{run.name}.manifest.json"] = _manifest(run, contents, program_version)
    folder.mkdir(parents=True, exist_ok=True)
    return _write_all({folder / name: content for name, content in contents.items()})


def encode(run: Run, format_name: str, *, program_version: str) -> bytes:
    """Give a run as the bytes of one file. Raises FormatUnknown."""
    if format_name not in FORMATS:
        raise FormatUnknown(f"there is no format {format_name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[format_name](run, header(run, program_version=program_version))


def header(run: Run, *, program_version: str) -> dict[str, Any]:
    """Give what a reader needs to know beside the rows: what was asked, as of when, by which versions."""
    period = run.question.period
    return {
        "report": run.name,
        "period": {"from": period.first.isoformat(), "to": period.end.isoformat(), "zone": period.zone},
        "by": list(run.question.by),
        "log_position": run.position,
        "versions": {
            "program": program_version,
            "cause_normaliser": causes.NORMALISER_VERSION,
            "cause_tables": causes.TABLE_VERSION,
            "tzdata": calendar.TZDATA_VERSION,
        },
    }


def content_sha256(run: Run) -> str:
    """Hash the canonical rows: one JSON array a line, the column names first, lines ended by LF, UTF-8."""
    lines = [list(run.frame.columns), *_rows(run)]
    return hashlib.sha256(b"".join(orjson.dumps(line) + b"\n" for line in lines)).hexdigest()


def _csv(run: Run, head: Mapping[str, Any]) -> bytes:
    del head  # rows alone, so that every reader of RFC 4180 can take them; the manifest has the rest
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(run.frame.columns)
    writer.writerows([_csv_cell(value) for value in row] for row in _rows(run))
    return text.getvalue().encode()


def _csv_cell(value: Any) -> Any:
    # Only text can be a formula: a negative number stays a number.
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _json(run: Run, head: Mapping[str, Any]) -> bytes:
    names = list(run.frame.columns)
    rows = [dict(zip(names, row, strict=True)) for row in _rows(run)]
    return orjson.dumps({**head, "rows": rows}, option=_READABLE)


def _parquet(run: Run, head: Mapping[str, Any]) -> bytes:
    fields = [(column.name, _ARROW_TYPES.get(column.kind, pa.float64())) for column in run.columns]
    schema = pa.schema(fields, metadata={"callaudit": orjson.dumps(head)})
    columns = [list(values) for values in zip(*_rows(run), strict=True)] or [[] for _ in fields]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


FORMATS: Mapping[str, Callable[[Run, Mapping[str, Any]], bytes]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}
"""Format = file name ending -> how it is written."""


def _manifest(run: Run, contents: Mapping[str, bytes], program_version: str) -> bytes:
    head = header(run, program_version=program_version)
    libraries = {"pandas": pd.__version__, "pyarrow": str(pa.__version__)}
    manifest = {
        **head,
        "versions": head["versions"] | libraries,
        "rows": len(run.frame),
        "content_sha256": content_sha256(run),
        "files": [
            {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in sorted(contents.items())
        ],
    }
    return orjson.dumps(manifest, option=_READABLE)


def _rows(run: Run) -> list[tuple[Any, ...]]:
    columns = [run.frame[name].tolist() for name in run.frame.columns]
    return list(zip(*([None if pd.isna(value) else value for value in column] for column in columns), strict=True))


def _write_all(contents: Mapping[Path, bytes]) -> tuple[Path, ...]:
    """Write every file beside its place, then move each there, in the given order."""
    staged = {path: path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial") for path in contents}
    try:
        for path, content in contents.items():
            _write_synced(staged[path], content)
        for path, partial in staged.items():
            partial.replace(path)
    finally:
        for partial in staged.values():
            partial.unlink(missing_ok=True)
    for folder in {path.parent for path in contents}:
        _sync_folder(folder)
    return tuple(contents)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
