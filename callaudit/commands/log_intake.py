"""``log spool`` and ``log outage``: what waits for the log, and when nobody could take webhooks."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from callaudit import database, logs, output, settings
from callaudit.commands.options import Json
from store import append, heartbeats, outages, spool
from store.entry import Kept

_SPOOL = ("file", "rows", "set_aside", "bytes", "oldest")
_ASIDE = ("file", "number", "event_id", "reason")
_INSTANTS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"]


def spool_(json: Json = False) -> None:
    """Show what waits in the spools of this home for Postgres, and what the log will never take."""
    found = spool.all_in(settings.load().home / "spool")
    rows: list[dict[str, object]] = []
    aside: list[dict[str, object]] = []
    for each in found:
        holds = each.contents()
        oldest = None if holds.oldest_us is None else heartbeats.at(holds.oldest_us)
        values = (each.path.name, holds.rows, holds.set_aside, holds.bytes, oldest)
        rows.append(dict(zip(_SPOOL, values, strict=True)))
        for number, reason, event_id in each.refused():
            aside.append(dict(zip(_ASIDE, (each.path.name, number, event_id, reason), strict=True)))
        each.close()
    if json:
        output.json_line({"spools": rows, "set_aside": aside})
        return
    output.table(_SPOOL, rows)
    if aside:
        output.table(_ASIDE, aside)


def outage(
    begins: Annotated[datetime, typer.Option("--from", formats=_INSTANTS, help="Since when, as 2026-03-01T12:00:00Z.")],
    ends: Annotated[datetime, typer.Option("--to", formats=_INSTANTS, help="Until when.")],
    reason: Annotated[str, typer.Option(help="Why, in words for whoever reads a report of that time.")],
    json: Json = False,
) -> None:
    """Declare that webhooks may be missing for a while: that time is unknown in every report, never uncovered.

    What a process that is gone took in that time, and never brought to the log, is no longer waited for.
    """
    gap, now = heartbeats.Gap(begins, ends), datetime.now(UTC)
    entry = outages.declared(gap, reason, now)
    with database.opened(settings.load()) as opened:
        url = opened.as_part("worker")
        with append.connect(url, application_name="callaudit outage") as connection:
            (outcome,) = append.Appender(connection).append([entry])
            if not isinstance(outcome, Kept):
                raise outcome
            given_up = heartbeats.give_up_waiting(connection, gap, now)
    said = {"position": outcome.position, "from": begins, "to": ends, "spools_given_up": given_up}
    if json:
        output.json_line(said)
    else:
        logs.say(f"on the record at position {outcome.position}; {given_up} spools are no longer waited for")
