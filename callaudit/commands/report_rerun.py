"""``report rerun``: run a report again from its manifest, and say whether the same comes out."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import callaudit
from callaudit import database, output, reporting, settings, trust
from callaudit.commands.options import Json
from reports.errors import ManifestRejected

if TYPE_CHECKING:
    from reports.beside import Difference
    from reports.rerun import Outcome

Manifest = Annotated[Path, typer.Argument(help="The <name>.manifest.json of a report that was written.")]

_SENTENCES = {
    "identical": "identical: every file came out byte for byte",
    "same_content": "the same content, in other bytes",
    "differs": "DIFFERS: other rows from the same inputs",
    "missing": "cannot be told: not all that it was made with is here",
}


def rerun(
    manifest: Manifest,
    out: Annotated[str | None, typer.Option(help="Folder, or URL of an object store, to write it to again.")] = None,
    json: Json = False,
) -> None:
    """Run a report again from its manifest. Exit code 1: other rows came out, or not all it was made with is here."""
    from reports import beside, export  # noqa: PLC0415  pandas takes a second
    from reports import rerun as rerunning  # noqa: PLC0415

    text = reporting.manifest_bytes(manifest)
    of = rerunning.load(text)
    read = settings.load()
    with database.opened(read) as opened, reporting.reading(opened) as log:
        outcome = rerunning.rerun(of, log, callaudit.VERSION)
    changed = beside.changed(manifest.parent, of)
    signed = beside.signature(manifest, text, trust.log_keys(read))
    first = (
        beside.first_difference(manifest.parent, of, outcome.run) if outcome.result in ("differs", "missing") else None
    )
    if out is not None and outcome.run is not None:
        export.write(
            outcome.run,
            out,
            of["formats"],
            program_version=callaudit.VERSION,
            sign=reporting.signing(read),
            name=rerunning.name_of(of),
        )
    found = _as_json(outcome, changed, signed, first)
    output.json_line(found) if json else typer.echo("\n".join(_as_text(found)))
    if outcome.result in ("differs", "missing") or changed or signed == "rejected":
        raise typer.Exit(1)


def _as_json(outcome: "Outcome", changed: tuple[str, ...], signed: str, first: "Difference | None") -> dict[str, Any]:
    return {
        "result": outcome.result,
        "inputs": [{"input": each.name, "issued": each.issued, "here": each.here} for each in outcome.inputs],
        "files_that_differ": list(outcome.files),
        "content_sha256": outcome.content,
        "first_difference": None if first is None else first._asdict(),
        "issued_files_changed": list(changed),
        "signature": signed,
    }


def _as_text(found: Mapping[str, Any]) -> Iterator[str]:
    yield _SENTENCES[found["result"]]
    for each in found["inputs"]:
        yield f"  {each['input']}: issued with {output.text(each['issued'])}, here {output.text(each['here'])}"
    if found["files_that_differ"]:
        yield f"  other bytes: {', '.join(found['files_that_differ'])}"
    first = found["first_difference"]
    if first is not None:
        yield f"  first difference: row {first['row']}: {output.text(first['issued'])}, now {output.text(first['now'])}"
    if found["issued_files_changed"]:
        yield f"  CHANGED since they were issued: {', '.join(found['issued_files_changed'])}"
    yield _SIGNATURES[found["signature"]]


_SIGNATURES = {
    "verified": "  the manifest is signed by the log's key",
    "missing": "  the manifest is not signed",
    "unknown_key": "  the manifest is signed, and the log's key is not here to check it",
    "rejected": "  the manifest's signature is NOT the log's, or over another manifest",
}

__all__ = ["ManifestRejected", "rerun"]
