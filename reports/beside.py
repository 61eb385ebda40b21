"""The files that lie beside a manifest: whether they are still those that were issued, and what they say."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson

from reports import content, export, manifest
from reports.arrow import pa, parquet
from reports.errors import ManifestRejected
from reports.runs import Run
from store import notes

Signature = Literal["verified", "missing", "unknown_key", "rejected"]


class Difference(NamedTuple):
    """The first row that differs, from 1; None: there is none on that side."""

    row: int
    issued: Any
    now: Any


def changed(folder: Path, of: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the files that lie there and are not what was issued; those that are not there are not asked for."""
    found = ((each["name"], _bytes(folder, each["name"]), each["sha256"]) for each in of["files"])
    return tuple(name for name, its, digest in found if its is not None and hashlib.sha256(its).hexdigest() != digest)


def signature(path: Path, text: bytes, keys: Sequence[notes.Verifier]) -> Signature:
    """Say what the signature beside a manifest is worth."""
    name = path.name.removesuffix(manifest.ENDING) + manifest.SIGNATURE_ENDING
    signed = _bytes(path.parent, name)
    if signed is None:
        return "missing"
    if not keys:
        return "unknown_key"
    try:
        manifest.verify(text, signed, keys)
    except ManifestRejected:
        return "rejected"
    return "verified"


def first_difference(folder: Path, of: Mapping[str, Any], run: Run | None) -> Difference | None:
    """Compare a run's rows with those of an issued file; None: no difference, or no file to compare with."""
    issued = rows(folder, of)
    if issued is None or run is None:
        return None
    now = [list(row) for row in content.rows(run.frame)]
    if issued.as_text:
        now = _delimited(export.encode(run, "csv", program_version=""))
    longest = max(len(issued.rows), len(now))
    for number in range(longest):
        then_, now_ = (its[number] if number < len(its) else None for its in (issued.rows, now))
        if then_ != now_:
            return Difference(number + 1, then_, now_)
    return None


class Issued(NamedTuple):
    """Rows of an issued file; ``as_text``: as the cells of a CSV."""

    rows: list[list[Any]]
    as_text: bool


def rows(folder: Path, of: Mapping[str, Any]) -> Issued | None:
    """Read the rows of an issued file that is still what it was; None: there is none that can be read back."""
    known = {each["name"]: each["sha256"] for each in of["files"]}
    for ending in ("json", "parquet", "csv"):
        for name in (name for name in known if name.endswith(f".{ending}")):
            its = _bytes(folder, name)
            if its is not None and hashlib.sha256(its).hexdigest() == known[name]:
                return Issued(_read(ending, its), as_text=ending == "csv")
    return None


def _read(ending: str, its: bytes) -> list[list[Any]]:
    if ending == "json":
        return [list(row.values()) for row in orjson.loads(its)["rows"]]
    if ending == "parquet":
        return [list(row.values()) for row in parquet.read_table(pa.BufferReader(its)).to_pylist()]
    return _delimited(its)


def _delimited(its: bytes) -> list[list[Any]]:
    return list(csv.reader(io.StringIO(its.decode(), newline="")))[1:]


def _bytes(folder: Path, name: str) -> bytes | None:
    try:
        return (folder / Path(name).name).read_bytes()
    except OSError:
        return None
