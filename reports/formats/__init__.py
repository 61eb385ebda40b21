"""The formats of a report's files. Each is a module of this package whose ``encode(run, head)`` gives the bytes.

A format's module is imported when that format is asked for: a chart library takes a second, which a CSV should
not pay.
"""

import importlib
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any, Protocol, cast

from reports.errors import FormatUnknown
from reports.runs import Run

FORMATS: Mapping[str, str] = {
    "csv": "delimited",
    "html": "page",
    "json": "document",
    "parquet": "columnar",
    "xlsx": "workbook",
}
"""Format = file name ending -> its module."""

_ALWAYS = ("pandas", "pyarrow")
_LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "html": ("altair", "jinja2", "vl-convert-python"),
    "xlsx": ("xlsxwriter",),
}


class _Format(Protocol):
    def encode(self, run: Run, head: Mapping[str, Any]) -> bytes: ...


def check(names: Iterable[str]) -> tuple[str, ...]:
    """Give the names, each once, in their order. Raises FormatUnknown."""
    asked = tuple(dict.fromkeys(names))
    if unknown := [name for name in asked if name not in FORMATS]:
        raise FormatUnknown(f"there is no format {unknown[0]!r}; there are {', '.join(FORMATS)}")
    return asked


def encode(name: str, run: Run, head: Mapping[str, Any]) -> bytes:
    """Give a run as the bytes of one file. Raises FormatUnknown, FormatUnfit."""
    (known,) = check([name])
    written = cast("_Format", importlib.import_module(f"reports.formats.{FORMATS[known]}"))
    return written.encode(run, head)


def libraries(names: Iterable[str]) -> dict[str, str]:
    """Give the versions of the libraries that wrote these formats, by name."""
    used = {*_ALWAYS, *(library for name in names for library in _LIBRARIES.get(name, ()))}
    return {library: metadata.version(library) for library in sorted(used)}
