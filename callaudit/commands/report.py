"""``report list`` and ``report run``."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer

import callaudit
import reports
from callaudit import database, logs, output, reporting, settings
from callaudit.commands import report_compare, report_rerun
from callaudit.commands.options import Json

if TYPE_CHECKING:
    from reports.issuing import Asked
    from reports.runs import Run

app = typer.Typer(help="Questions with answers that can be asked again.", no_args_is_help=True)

FORMATS_DEFAULT = "csv"


@app.command("list")
def list_(json: Json = False) -> None:
    """List the reports."""
    rows = [{"report": name, "answers": title} for name, title in reports.TITLES.items()]
    output.json_line(rows) if json else output.table(("report", "answers"), rows)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="A report that `report list` names.")],
    from_: Annotated[str | None, typer.Option("--from", help="First local day, YYYY-MM-DD; default yesterday.")] = None,
    to: Annotated[str | None, typer.Option(help="Day after the last one; default the day after --from.")] = None,
    zone: Annotated[str, typer.Option(help="IANA time zone of the days.")] = "UTC",
    by: Annotated[str | None, typer.Option(help="total, day, connection, or connection,day.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Log position, or instant: what the last checkpoint sealed by then covers. Default: now."),
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="csv, html, json, parquet, xlsx, or with --out several with commas.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="Folder, or URL of an object store, to write to; default: print.")
    ] = None,
    json: Json = False,
) -> None:
    """Run a report over a period and print it, as a table or in a format, or write it with its manifest."""
    from reports.issuing import Asked  # noqa: PLC0415  pandas takes a second, which `report list` should not pay

    read, (first, end) = settings.load(), period(from_, to)
    asked = Asked(name, first, end, zone, by)
    asked.check()
    with database.opened(read) as opened:
        ran = answered(asked, opened, as_of)
    if out is not None:
        for path in write(ran, out, (format_ or FORMATS_DEFAULT).split(","), reporting.signing(read)):
            typer.echo(path)
    elif json or format_ is not None:
        from reports import export  # noqa: PLC0415  as above

        typer.echo(export.encode(ran, format_ or "json", program_version=callaudit.VERSION), nl=False)
    else:
        shown = ran.shown()
        columns = [str(column) for column in shown.columns]
        output.table(columns, [dict(zip(columns, row, strict=True)) for row in shown.itertuples(index=False)])


app.command("rerun")(report_rerun.rerun)
app.command("compare")(report_compare.compare)


def answered(asked: "Asked", opened: database.Database, as_of: str | None) -> "Run":
    """Run a report, live or as of then. Without the right to read the log its header states no evidence."""
    from reports import engines, issuing  # noqa: PLC0415  as above

    if as_of is None and reporting.log_url(opened) is None:
        logs.say("callaudit: without the right to read the log, the report states no tree root and no evidence")
        with psycopg.connect(opened.as_part("analyst"), autocommit=True) as connection:
            return asked.of(engines.Postgres(connection), {})
    with reporting.reading(opened) as log:
        if as_of is None:
            return issuing.live(asked, opened.as_part("analyst"), log)
        return issuing.then(asked, issuing.resolved(as_of, log), log)


def write(
    ran: "Run", out: Path | str, formats: Sequence[str], sign: Callable[[bytes], bytes] | None = None
) -> Sequence[str]:
    """Write a run's files and manifest, signed where there is a key; gives paths or URLs."""
    from reports import export  # noqa: PLC0415  as above

    return export.write(ran, out, [name.strip() for name in formats], program_version=callaudit.VERSION, sign=sign)


def period(from_: str | None, to: str | None) -> tuple[str, str]:
    """Fill in what was left out: yesterday (UTC), and one day. Bad dates are the report's to refuse."""
    first = from_ or (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    if to is not None:
        return first, to
    try:
        return first, (datetime.fromisoformat(first) + timedelta(days=1)).date().isoformat()
    except (ValueError, OverflowError):
        return first, first
