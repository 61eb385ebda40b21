"""``report compare``: the restatement of a report that was issued: what it says today, and what changed it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from callaudit import database, output, reporting, settings
from callaudit.commands.options import Json
from callaudit.commands.report_rerun import Manifest
from calls import instants

if TYPE_CHECKING:
    from reports.as_of import AsOf
    from reports.compare import Restatement


def compare(manifest: Manifest, json: Json = False) -> None:
    """Say what changed in a report since it was issued, row by row and call by call, each with what changed it."""
    from reports import compare as comparing  # noqa: PLC0415  pandas takes a second
    from reports import rerun  # noqa: PLC0415

    of = rerun.load(reporting.manifest_bytes(manifest))
    with database.opened(settings.load()) as opened, reporting.reading(opened) as log:
        found = comparing.compare(of, log)
    if json:
        output.json_line(_as_json(found))
    else:
        _print(found)
    if found.inputs or found.unexplained:
        raise typer.Exit(1)


def _as_json(found: "Restatement") -> dict[str, Any]:
    return {
        "then": _moment(found.then),
        "now": _moment(found.now),
        "as_issued": found.as_issued,
        "inputs": [{"input": each.name, "issued": each.issued, "here": each.here} for each in found.inputs],
        "unexplained": found.unexplained,
        "rows": [asdict(row) for row in found.rows],
        "changes": [
            {
                "fact": each.table,
                "call_session_id": each.call_session_id,
                "call_leg_id": each.call_leg_id,
                "changed": {field.name: [field.then, field.now] for field in each.fields},
                "causes": [asdict(cause) for cause in each.causes],
            }
            for each in found.changes
        ],
    }


def _moment(when: "AsOf | None") -> dict[str, Any] | None:
    return None if when is None else {"log_position": when.position, "as_of": instants.to_text(when.instant)}


def _print(found: "Restatement") -> None:
    for each in found.inputs:
        typer.echo(f"cannot be compared: {each.name}: issued {output.text(each.issued)}, here {output.text(each.here)}")
    if found.then is None or found.now is None:
        return
    typer.echo(
        f"issued as of position {found.then.position}, compared with position {found.now.position}:"
        f" {len(found.rows)} rows and {len(found.changes)} facts of calls differ"
    )
    if not found.as_issued:
        typer.echo("  what is worked out for then is NOT what was issued: see `report rerun`")
    if found.rows:
        output.table(("row", "of", "what", "then", "now", "because"), _rows(found))
    if found.changes:
        output.table(("n", "fact", "session", "leg", "what", "then", "now", "cause"), _changes(found))


def _rows(found: "Restatement") -> Iterator[Mapping[str, Any]]:
    for number, row in enumerate(found.rows):
        then, now = row.then or {}, row.now or {}
        because = ", ".join(map(str, row.because)) or "UNEXPLAINED"
        for name in (name for name in (now or then) if then.get(name) != now.get(name)):
            yield {
                "row": number,
                "of": row.part,
                "what": name,
                "then": then.get(name),
                "now": now.get(name),
                "because": because,
            }


def _changes(found: "Restatement") -> Iterator[Mapping[str, Any]]:
    for number, each in enumerate(found.changes):
        causes = "; ".join(
            cause.kind if cause.position is None else f"{cause.what} at {cause.position}" for cause in each.causes
        )
        named = {"n": number, "fact": each.table, "session": each.call_session_id, "leg": each.call_leg_id}
        for field in each.fields:
            yield {**named, "what": field.name, "then": field.then, "now": field.now, "cause": causes}
