"""Run a report again from its manifest, and say whether the same comes out.

What follows from the log is worked out anew: rows, tree root, policies. What was observed when the report was issued
(the last verification, the counts of completeness) is taken from the manifest: it is no input of the figures.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import orjson
import psycopg
from pydantic import BaseModel, Field, ValidationError

from calls import instants
from reports import content, evidence, export, formats, issuing, manifest, registry
from reports.as_of import AsOf
from reports.errors import ManifestRejected, ReportRefused
from reports.issuing import Asked, Log
from reports.runs import Run
from store import read, tree

Result = Literal["identical", "same_content", "differs", "missing"]

VERSIONS = ("program", "cause_normaliser", "cause_tables", "tzdata", "policies")
"""What the figures follow from, beside the log."""


@dataclass(frozen=True, slots=True)
class Input:
    """Something a report was made with that is not the same here."""

    name: str
    issued: Any
    here: Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    ``identical``: every file, byte for byte; ``same_content``: the same rows in other bytes, by other libraries or
    another program; ``missing``: other rows, or none, for want of ``inputs``; ``differs``: other rows from the same
    inputs, which must not happen. ``files`` are those that came out otherwise. ``run`` is None where nothing could be
    run.
    """

    result: Result
    inputs: tuple[Input, ...]
    files: tuple[str, ...]
    run: Run | None
    content: str | None


def load(text: bytes) -> dict[str, Any]:
    """Read a manifest. Raises ManifestRejected: it is none, or one that does not say enough to run it again."""
    try:
        found: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ManifestRejected("it is no manifest of a report: no JSON") from error
    try:
        _Manifest.model_validate(found, strict=True)
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False, include_input=False)
        where = ".".join(map(str, first["loc"])) or "it"
        raise ManifestRejected(f"it is no manifest of a report, or an old one: {where}: {first['msg']}") from error
    return cast("dict[str, Any]", found)


class _Period(BaseModel):
    from_: str = Field(alias="from")
    to: str
    zone: str


class _File(BaseModel):
    name: str
    sha256: str


class _Verification(BaseModel):
    result: str


class _Manifest(BaseModel):
    """What a manifest must say to be run again."""

    report: str
    period: _Period
    by: list[str]
    log_position: int | None = Field(ge=0)
    as_of: str | None
    formats: list[str]
    files: list[_File]
    content_sha256: str
    versions: dict[str, Any]
    verification: _Verification | None = None
    completeness: dict[str, int | None] | None = None
    tree_root: str | None = None


def asked(of: Mapping[str, Any]) -> Asked:
    """Give the question of a manifest."""
    period = of["period"]
    return Asked(of["report"], period["from"], period["to"], period["zone"], tuple(of["by"]) or "total")


def when(of: Mapping[str, Any]) -> AsOf | None:
    """Give as of when a manifest's report was; None: it does not say."""
    instant = instants.parse(of["as_of"])
    return None if instant is None or of["log_position"] is None else AsOf(of["log_position"], instant)


def rerun(of: Mapping[str, Any], log: Log, program_version: str) -> Outcome:
    """Run the report of a manifest again. Raises AsOfFailed."""
    lacking, as_of = tuple(absent(of, log)), when(of)
    if lacking or as_of is None:
        return Outcome("missing", lacking, (), None, None)
    run = again(of, as_of, log)
    head = export.header(run, program_version=program_version)
    files = made(of, run, head)
    rebuilt = orjson.loads(manifest.build(run, head, files, tuple(of["formats"])))
    inputs = tuple(_changed(of["versions"], rebuilt["versions"]))
    others = tuple(
        each["name"]
        for each in of["files"]
        if hashlib.sha256(files.get(each["name"], b"")).hexdigest() != each["sha256"]
    )
    found = content.sha256(run)
    return Outcome(_result(of, found, others, inputs), inputs, others, run, found)


def again(of: Mapping[str, Any], as_of: AsOf, log: Log) -> Run:
    """Run the report of a manifest as of then, with what was observed when it was issued. Raises AsOfFailed."""
    question = asked(of)
    with psycopg.connect(log.url, autocommit=True) as connection:
        known = evidence.inputs(connection, as_of, question.period)
    observed = {name: of.get(name) for name in ("verification", "completeness")}
    return issuing.then(question, as_of, log, {**known, **observed})


def made(of: Mapping[str, Any], run: Run, head: Mapping[str, Any]) -> dict[str, bytes]:
    """Make the files of a manifest of a run, by name."""
    stem = name_of(of)
    return {f"{stem}.{name}": formats.encode(name, run, head) for name in of["formats"]}


def name_of(of: Mapping[str, Any]) -> str:
    """Give the name that the files have before their ending."""
    names: list[str] = [each["name"] for each in of["files"]]
    return names[0].rpartition(".")[0] if names else str(of["report"])


def _result(of: Mapping[str, Any], found: str, others: Sequence[str], inputs: Sequence[Input]) -> Result:
    if found != of["content_sha256"]:
        return "missing" if any(each.name in VERSIONS for each in inputs) else "differs"
    return "same_content" if others else "identical"


def _changed(issued: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[Input]:
    for name in (*VERSIONS, *sorted(issued.keys() - {*VERSIONS})):
        if issued.get(name) != here.get(name):
            yield Input(name, issued.get(name), here.get(name))


def absent(of: Mapping[str, Any], log: Log) -> Iterator[Input]:
    """Find what the report cannot be run again without."""
    if when(of) is None:
        yield Input("as_of", None, None)
        return
    try:
        registry.find(of["report"])
        formats.check(of["formats"])
        asked(of).check()
    except ReportRefused as error:
        yield Input(error.reason, str(error), None)
        return
    position: int = of["log_position"]
    with psycopg.connect(log.url, autocommit=True) as connection:
        end = read.head(connection) + 1
        if end < position:
            yield Input("log_position", position, end)
        elif (root := tree.root(connection, position).hex()) != of.get("tree_root"):
            yield Input("tree_root", of.get("tree_root"), root)
