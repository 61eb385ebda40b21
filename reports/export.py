"""A report's answer as files, and beside them the manifest that says what they are.

The same run gives the same bytes under the same library versions, and the same ``content_sha256`` under any:
it is taken over the canonical rows. A file appears whole or not at all; the manifest comes last, and where a set is
replaced the old one goes first, so that a set without one was never finished.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from calls import causes
from reports import calendar, content, destinations, formats, headers, manifest
from reports.destinations import Destination
from reports.formats import FORMATS
from reports.runs import Run

__all__ = ["FORMATS", "content_sha256", "encode", "files", "header", "write"]

content_sha256 = content.sha256


def write(  # noqa: PLR0913 - what to write, where, how and under whose name, by keyword
    run: Run,
    out: Path | str | Destination,
    formats: Iterable[str],
    *,
    program_version: str,
    sign: Callable[[bytes], bytes] | None = None,
    name: str | None = None,
    create_only: bool = False,
) -> tuple[str, ...]:
    """Write ``<name>.<format>`` for each format, then ``<name>.manifest.json``, to a folder or an object store.

    ``out`` is a path, or a URL such as ``s3://bucket/folder``. ``name`` is the report's unless given. ``sign`` makes
    from the manifest what is written beside it as ``<name>.manifest.sig``; see ``manifest.signing``. Files of the
    same names are replaced; with ``create_only`` nothing is ever replaced, and what is there with the very same
    bytes counts as written. Gives paths or URLs, the manifest last.

    Raises, before anything is written, FormatUnknown and FormatUnfit; OutExists, OutUnwritable.
    """
    contents = files(run, formats, program_version=program_version, sign=sign, name=name)
    return destinations.opened(out).write(contents, create_only=create_only)


def files(
    run: Run,
    formats: Iterable[str],
    *,
    program_version: str,
    sign: Callable[[bytes], bytes] | None = None,
    name: str | None = None,
) -> dict[str, bytes]:
    """Give the files that ``write`` writes, by name, the manifest last. Raises FormatUnknown, FormatUnfit."""
    stem = destinations.checked_name(run.name if name is None else name)
    head = header(run, program_version=program_version)
    contents, asked = _encoded(run, head, stem, formats)
    written = manifest.build(run, head, contents, asked)
    if sign is not None:
        contents[f"{stem}{manifest.SIGNATURE_ENDING}"] = sign(written)
    contents[f"{stem}{manifest.ENDING}"] = written
    return contents


def _encoded(
    run: Run, head: dict[str, Any], stem: str, asked: Iterable[str]
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    names = formats.check(asked)
    return {f"{stem}.{name}": formats.encode(name, run, head) for name in names}, names


def encode(run: Run, format_name: str, *, program_version: str) -> bytes:
    """Give a run as the bytes of one file. Raises FormatUnknown, FormatUnfit."""
    return formats.encode(format_name, run, header(run, program_version=program_version))


def header(run: Run, *, program_version: str) -> dict[str, Any]:
    """Give what a reader needs to know beside the rows: what was asked, as of when, by which versions.

    What nobody gathered for the run is null: its tree root, instant, policies and completeness; its verification
    is ``not_verified`` then.
    """
    period = run.question.period
    known: dict[str, Any] = dict(getattr(run, "header", None) or {})
    versions = {
        "program": program_version,
        "cause_normaliser": causes.NORMALISER_VERSION,
        "cause_tables": causes.TABLE_VERSION,
        "tzdata": calendar.TZDATA_VERSION,
        "policies": None,
    }
    return {
        "report": run.name,
        "period": {"from": period.first.isoformat(), "to": period.end.isoformat(), "zone": period.zone},
        "by": list(run.question.by),
        "log_position": run.position,
        "tree_root": None,
        "as_of": None,
        "verification": headers.NOT_VERIFIED,
        "completeness": None,
        **known,
        "versions": {**versions, **known.get("versions", {}), "program": program_version},
    }
