"""``calls list`` and ``calls show``; beside them ``calls export``."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import sqlalchemy
import typer

from callaudit import database, logs, output, settings
from callaudit.commands import evidence
from callaudit.commands.options import Json
from query import calls as question

app = typer.Typer(help="Calls as the log tells them.", no_args_is_help=True)
app.command("export")(evidence.export)

_LISTED = (
    "call_session_id",
    "started_at",
    "direction",
    "from_number",
    "to_number",
    "status",
    "legs",
    "finality",
)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(help="How many calls.", min=1)] = question.LIMIT_DEFAULT,
    json: Json = False,
) -> None:
    """List the calls that started last."""
    with _connected() as connection:
        rows = question.latest(connection, limit)
    if json:
        output.json_line([dict(row) for row in rows])
    else:
        output.table(_LISTED, rows)


@app.command()
def show(
    call_ids: Annotated[list[str], typer.Argument(help="Session, leg or control ids.")], json: Json = False
) -> None:
    """Show calls whole: a timeline to read, or with --json every row, one object a call."""
    with _connected() as connection:
        found = {call_id: question.show(connection, call_id) for call_id in call_ids}
    for call in found.values():
        if call is not None:
            output.json_line(call) if json else print_timeline(call)
    missing = [call_id for call_id, call in found.items() if call is None]
    if missing:
        logs.say(f"callaudit: no call {', '.join(missing)} in the read models [call_not_found]")
        raise typer.Exit(1)


def print_timeline(call: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print one call: what is known of its legs, recordings and transfers, then every event in order."""
    (session,) = call["call_sessions"]
    typer.echo(f"Call {session['call_session_id']}: {session['status']}, {session['finality']}")
    for leg in sorted(call["call_legs"], key=lambda leg: str(leg["initiated_at"] or leg["answered_at"] or "~")):
        talk = "talk time unknown" if leg["talk_ms"] is None else f"talk {leg['talk_ms'] / 1000:.3f} s"
        cause = f", {leg['hangup_cause_name']}" if leg["hangup_cause_name"] else ""
        typer.echo(f"  leg {leg['call_leg_id']}: {leg['status']}, {talk}{cause}{_flags(leg)}")
    for siprec in call["siprec_sessions"]:
        length = "length unknown" if siprec["duration_ms"] is None else f"{siprec['duration_ms'] / 1000:.3f} s"
        cause = f", {siprec['cause_name']}" if siprec["cause_name"] else ""
        typer.echo(f"  recording {siprec['seq']}: {siprec['status']}, {length}{cause}{_flags(siprec)}")
    for refer in call["refer_attempts"]:
        code = f" ({refer['final_code']})" if refer["final_code"] is not None else ""
        typer.echo(f"  transfer {refer['seq']}: {refer['outcome']}{code}{_flags(refer)}")
    for command in call["commands"]:
        typer.echo(f"  command {command['seq']}: {_command(command)}{_flags(command)}")
    typer.echo("")
    for entry in call["timeline"]:
        at = "no usable time            " if entry["occurred_at"] is None else output.instant(entry["occurred_at"])
        typer.echo(f"  {at}  {entry['sentence']}{_flags(entry)}")


def _command(row: Mapping[str, Any]) -> str:
    outcome = f" ({row['outcome']})" if row["outcome"] else ""
    purpose = f": {row['purpose']}" if row["purpose"] else ""
    return f"{row['action'] or row['path']} by {row['actor'] or 'somebody'}, {row['state']}{outcome}{purpose}"


def _flags(row: Mapping[str, Any]) -> str:
    return f" [{', '.join(row['flags'])}]" if row["flags"] else ""


@contextmanager
def _connected() -> Generator[sqlalchemy.Connection]:
    with database.opened(settings.load()) as opened, database.reading(opened.as_part("analyst")) as connection:
        yield connection
