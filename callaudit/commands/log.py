"""``log stats``, and the group that the other commands on the log belong to."""

import psycopg
import typer

from callaudit import database, output, settings
from callaudit.commands import evidence, log_intake, log_rejections, log_seal, log_verify
from callaudit.commands.options import Json
from query import log as question

app = typer.Typer(help="The log itself.", no_args_is_help=True)
app.command("spool")(log_intake.spool_)
app.command("outage")(log_intake.outage)
app.command("checkpoint")(log_seal.checkpoint)
app.command("continue")(log_seal.continue_)
app.command("verify")(log_verify.verify)
app.command("proof")(evidence.proof)
app.command("rejections")(log_rejections.rejections)
app.command("readmit")(log_rejections.readmit)


@app.callback()
def log() -> None:
    """Look at the log itself."""


@app.command()
def stats(json: Json = False) -> None:
    """Count what the log holds and how far it is projected."""
    with database.opened(settings.load()) as opened, psycopg.connect(opened.as_part("auditor")) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # all figures of one moment
        counts = question.stats(connection)
    if json:
        output.json_line(counts)
    else:
        output.table(("what", "count"), [{"what": name, "count": count} for name, count in counts.items()])
