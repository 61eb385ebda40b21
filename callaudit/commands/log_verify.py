"""``log verify``: recompute the log, and say whether it is intact and whether it is complete."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from callaudit import database, logs, output, settings, trust, verdicts
from callaudit.commands.options import Json
from calls import envelope
from store import notes, verifications
from store import verify as verifying
from store.heads import Kept
from store.verify import Given


class CheckpointUnreadable(OSError):
    """A file that should hold a checkpoint cannot be read."""

    reason = "checkpoint_unreadable"


def verify(
    since: Annotated[
        int, typer.Option(help="Recompute from this position on; use stored hashes before.", min=0, max=2**62)
    ] = 0,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that was kept elsewhere, to compare with. Repeatable.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="The log's public key, name+hash+base64, from elsewhere than this machine. Repeatable."),
    ] = None,
    telnyx_key: Annotated[
        list[str] | None,
        typer.Option(help="[label=]key of Telnyx, from elsewhere; then no other is trusted. Repeatable."),
    ] = None,
    skip_signatures: Annotated[
        bool, typer.Option("--skip-signatures", help="Check rows, tree and checkpoints only: some times as fast.")
    ] = False,
    json: Json = False,
) -> None:
    """Recompute the whole log from its rows and name the first thing that is wrong. Exit code 1: it is not intact."""
    read = settings.load()
    given = _given(read, checkpoint or [], key or [], telnyx_key or [], skip_signatures=skip_signatures)
    with database.opened(read) as opened, psycopg.connect(opened.as_part("auditor")) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # the log as it is at one moment
        connection.read_only = True
        with output.progress() as bar:
            task = bar.add_task("events", total=None)
            verdict = verifying.verify(
                connection,
                given,
                since=since,
                progress=lambda done, size: bar.update(task, completed=done, total=size),
            )
        _record(opened, verifications.recorded(verdict, given, datetime.now(UTC)))
    if json:
        output.json_line(verdicts.as_json(verdict, given))
    else:
        typer.echo("\n".join(verdicts.as_text(verdict, given)))
    if verdict.first_wrong is not None:
        raise typer.Exit(1)


def _record(opened: database.Database, found: verifications.Recorded) -> None:
    """Put the verdict on record for the headers of reports, where this machine may write; the verdict stands anyway."""
    try:
        with psycopg.connect(opened.as_part("worker"), autocommit=True) as connection:
            verifications.record(connection, found)
    except (psycopg.Error, settings.SettingsRefused):
        logs.say("callaudit: the verdict is not put on record: the worker's rights are not here")


def _given(
    read: settings.Settings,
    files: Sequence[Path],
    keys: Sequence[str],
    telnyx: Sequence[str],
    *,
    skip_signatures: bool,
) -> Given:
    last = trust.folder(read).last()
    from_outside = [key for setting in telnyx for key in trust.telnyx_keys_given(setting)]
    return Given(
        log_keys=trust.log_keys(read, keys),
        retired_keys=[] if keys else trust.folder(read).retired(),
        telnyx_keys=from_outside or trust.telnyx_keys(read.telnyx_public_key, "settings"),
        log_may_name_keys=not from_outside,
        checkpoints=[
            *([] if last is None else [Kept("keys/checkpoint.last", last)]),
            *(Kept(str(path), _note(path)) for path in files),
        ],
        open_sealed=trust.opener(read),
        data_hash_of=None if skip_signatures else lambda body: envelope.decode(body).data_hash,
        signatures=not skip_signatures,
        set_aside=trust.set_aside(read),
    )


def _note(path: Path) -> str:
    try:
        return notes.decode(path.read_bytes())
    except OSError as error:
        raise CheckpointUnreadable(f"{path} cannot be read: {error.strerror}") from error
