"""``schedule``: reports that are run and delivered by themselves."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from callaudit import database, logs, output, production, settings
from callaudit.commands.options import Json
from callaudit.database import Part
from calls import instants
from reports import delivery, scheduled, schedules
from reports.schedule_errors import ScheduleRefused
from reports.scheduled import ScheduledRun

app = typer.Typer(help="Reports that are run and delivered by themselves.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The schedule's name.")]

_LISTED = ("schedule", "report", "cron", "zone", "period", "by", "formats", "destination", "next_due_at", "paused_at")
_RAN = ("schedule", "due_at", "report", "period_from", "period_to", "state", "attempts", "next_attempt_at", "reason")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="a-z, 0-9, - and _.")],
    report: Annotated[str, typer.Option(help="A report that `report list` names.")],
    cron: Annotated[str, typer.Option(help="When: minute, hour, day of month, month, day of week, as '0 6 * * MON'.")],
    period: Annotated[str, typer.Option(help="yesterday, last-week, last-month, previous-7-days and so on.")],
    out: Annotated[str, typer.Option(help="Where to: a folder, or an object store's URL.")],
    zone: Annotated[str, typer.Option(help="IANA time zone of --cron and --period.")] = "UTC",
    by: Annotated[str | None, typer.Option(help="As in `report run`; default: what the report usually gives.")] = None,
    format_: Annotated[str, typer.Option("--format", help="csv, json and so on, several with commas.")] = "csv",
    json: Json = False,
) -> None:
    """Add a schedule; it is due from now on."""
    asked = schedules.Asked(
        schedule=name,
        report=report,
        cron=cron,
        zone=zone,
        period=period,
        by=by,
        formats=list(dict.fromkeys(each.strip() for each in format_.split(","))),
        destination=_absolute(out),
    )
    schedules.check(asked, production.now())
    warning = delivery.try_out(asked.destination)
    with _connected("worker") as connection:
        added = schedules.add(connection, asked, production.now())
    if warning is not None:
        logs.say(f"warning: {warning}; runs are tried again until they can be delivered [destination_unavailable]")
    _print([asdict(added)], _LISTED, json)


@app.command("list")
def list_(json: Json = False) -> None:
    """List the schedules, with when each is due next."""
    with _connected("analyst") as connection:
        rows = [asdict(each) for each in schedules.listed(connection)]
    _print(rows, _LISTED, json)


@app.command()
def remove(name: Name) -> None:
    """Remove a schedule; what its runs were stays on record."""
    with _connected("worker") as connection:
        schedules.remove(connection, name, production.now())
    logs.say(f"schedule {name} is removed")


@app.command()
def pause(name: Name) -> None:
    """Let nothing of a schedule run until it is resumed."""
    with _connected("worker") as connection:
        schedules.pause(connection, name, production.now())
    logs.say(f"schedule {name} is paused")


@app.command()
def resume(name: Name) -> None:
    """Let a paused schedule go on; what was due meanwhile is not run."""
    with _connected("worker") as connection:
        resumed = schedules.resume(connection, name, production.now())
    logs.say(f"schedule {name} is due next at {output.text(resumed.next_due_at)}")


@app.command()
def run(
    name: Name,
    due_: Annotated[
        str | None, typer.Option("--due", help="Run this due time, as 2026-11-25T06:00:00Z; default: now.")
    ] = None,
    json: Json = False,
) -> None:
    """Run a schedule here and now, or a due time of it that was not delivered. Exit code 1: it failed."""
    due_at = production.now().replace(microsecond=0) if due_ is None else _instant(due_)
    read = settings.load()
    with database.opened(read) as opened:
        url = opened.as_part("worker")
        with schedules.connect(url) as connection:
            scheduled.order(connection, name, due_at, production.now())
            ran = scheduled.attempt(connection, production.means(url, read), schedule=name, due_at=due_at)
    if ran is None:
        raise scheduled.in_progress(name)
    _print([_row(ran)], _RAN, json)
    if ran.state != "delivered":
        logs.say(f"callaudit: {ran.detail} [{ran.reason}]")
        raise typer.Exit(1)


@app.command()
def runs(
    name: Annotated[str | None, typer.Argument(help="A schedule's name; default: all.")] = None,
    limit: Annotated[int, typer.Option(help="How many, the latest due times first.", min=1, max=100_000)] = 100,
    json: Json = False,
) -> None:
    """Show what became of each due time."""
    with _connected("analyst") as connection:
        found = scheduled.listed(connection, name, limit=limit)
        if name is not None and not found:
            schedules.find(connection, name)
    _print([_row(each) for each in found], _RAN, json)


@contextmanager
def _connected(part: Part) -> Generator[psycopg.Connection[Any]]:
    with database.opened(settings.load()) as opened, schedules.connect(opened.as_part(part)) as connection:
        yield connection


def _absolute(out: str) -> str:
    """Name a folder so that the worker, which runs elsewhere, finds it."""
    return out if "://" in out else str(Path(out).expanduser().absolute())


def _instant(text: str) -> datetime:
    instant = instants.parse(text)
    if instant is None:
        raise ScheduleRefused("due_refused", f"{text!r} is no instant like 2026-11-25T06:00:00Z")
    return instants.to_datetime(instant).astimezone(UTC)


def _row(ran: ScheduledRun) -> dict[str, Any]:
    return {name: value.isoformat() if type(value) is date else value for name, value in asdict(ran).items()}


def _print(rows: list[dict[str, Any]], columns: tuple[str, ...], json: bool) -> None:
    if json:
        output.json_line(rows)
    else:
        output.table(columns, rows)
