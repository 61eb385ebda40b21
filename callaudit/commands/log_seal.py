"""``log checkpoint`` and ``log continue``: what was sealed last, and another beginning where sealing is refused."""

import base64
import time
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from callaudit import database, logs, output, settings
from callaudit.commands.options import Json
from store import append, checkpoints, continuation, sealing, signing, tree

Out = Annotated[Path | None, typer.Option(help="Write the note to this file.")]
Reason = Annotated[str, typer.Option(help="Why; it is written into the log.")]


class OutUnwritable(OSError):
    """The file of --out cannot be written."""

    reason = "out_unwritable"


def checkpoint(out: Out = None, json: Json = False) -> None:
    """Print the last signed checkpoint: a copy kept elsewhere shows later that nothing under it changed or is gone."""
    with database.opened(settings.load()) as opened, psycopg.connect(opened.as_part("auditor")) as connection:
        note = tree.last_checkpoint(connection)
    if note is None:
        logs.say("nothing was sealed yet: the worker seals")
        raise typer.Exit(1)
    if out is not None:
        _write(out, note)
    if json:
        said = checkpoints.unverified(note)
        root = base64.b64encode(said.root).decode()
        output.json_line({"origin": said.origin, "size": said.size, "root": root, "note": note})
    elif out is None:
        typer.echo(note, nl=False)


def continue_(reason: Reason) -> None:
    """Begin a new log with a new key over what the database holds: where sealing is refused, or the key has leaked."""
    read = settings.load()
    folder = signing.Folder(read.home / "keys")
    with database.opened(read) as opened:
        url = opened.as_part("worker")
        with sealing.connect(url) as connection, append.connect(url, application_name="callaudit continue") as line:
            appender = append.Appender(line)
            new = continuation.begin(connection, appender, folder, reason, time.time_ns() // 1_000)
    logs.say(f"the log goes on as {new.name}; give its public key to whoever checks it:")
    typer.echo(str(new))


def _write(path: Path, note: str) -> None:
    try:
        path.write_bytes(note.encode())
    except OSError as error:
        raise OutUnwritable(f"cannot write {path}: {error.strerror}") from error
