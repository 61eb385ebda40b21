"""``log verify``: recompute the log, and say whether it is intact and whether it is complete."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from nacl.exceptions import CryptoError

from callaudit import database, output, settings, verdicts
from callaudit.commands.options import Json
from calls import envelope
from ingest import keys
from ingest.strongbox import Strongbox
from store import notes, signing
from store import verify as verifying
from store.heads import Kept
from store.telnyx_keys import TelnyxKey
from store.verify import Given


class CheckpointUnreadable(OSError):
    """A file that should hold a checkpoint cannot be read."""

    reason = "checkpoint_unreadable"


def verify(
    since: Annotated[int, typer.Option(help="Recompute from this position on; use stored hashes before.", min=0)] = 0,
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
        bool, typer.Option("--skip-signatures", help="Check rows, tree and checkpoints only: ten times as fast.")
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
    if json:
        output.json_line(verdicts.as_json(verdict, given))
    else:
        typer.echo("\n".join(verdicts.as_text(verdict, given)))
    if verdict.first_wrong is not None:
        raise typer.Exit(1)


def _given(
    read: settings.Settings,
    files: Sequence[Path],
    keys: Sequence[str],
    telnyx: Sequence[str],
    *,
    skip_signatures: bool,
) -> Given:
    folder = signing.Folder(read.home / "keys")
    last = folder.last()
    return Given(
        log_keys=[notes.verifier(text) for text in keys] or _keys_here(folder),
        telnyx_keys=_telnyx_keys(",".join(telnyx), "option") or _telnyx_keys(read.telnyx_public_key, "settings"),
        log_may_name_keys=not telnyx,
        checkpoints=[
            *([] if last is None else [Kept("keys/checkpoint.last", last)]),
            *(Kept(str(path), _note(path)) for path in files),
        ],
        open_sealed=sealing_key(read.home / "keys" / "sealed_bodies.key"),
        data_hash_of=None if skip_signatures else lambda body: envelope.decode(body).data_hash,
        signatures=not skip_signatures,
    )


def _keys_here(folder: signing.Folder) -> list[notes.Verifier]:
    own = folder.verifier()
    return [*folder.retired(), *([] if own is None else [own])]


def _telnyx_keys(setting: str, vouched_by: str) -> list[TelnyxKey]:
    if not setting.strip():
        return []
    named = keys.public_keys(setting)
    return [TelnyxKey(key.key_id, key.label, bytes(key.verify_key), vouched_by) for key in named]


def sealing_key(path: Path) -> Callable[[bytes], bytes | None] | None:
    """Give what opens sealed bodies, if its key is here; None of it is made."""
    try:
        box = Strongbox(path.read_bytes())
    except (OSError, ValueError):
        return None

    def open_(sealed: bytes) -> bytes | None:
        try:
            return box.open(sealed)
        except (CryptoError, ValueError):
            return None

    return open_


def _note(path: Path) -> str:
    try:
        return notes.decode(path.read_bytes())
    except OSError as error:
        raise CheckpointUnreadable(f"{path} cannot be read: {error.strerror}") from error
