"""``calls export`` and ``log proof``: evidence to hand to somebody who has no callaudit, and trusts nobody."""

from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import psycopg
import typer

from callaudit import database, logs, settings, trust
from query import archive, dossier, evidence

if TYPE_CHECKING:
    import sqlalchemy

Key = Annotated[
    list[str] | None, typer.Option("--key", help="The log's public key, name+hash+base64; default: the one here.")
]
AllowUnsealed = Annotated[
    bool, typer.Option("--allow-unsealed", help="Leave events out that no checkpoint covers yet, and say so.")
]


def export(
    call_id: Annotated[str, typer.Argument(metavar="CALL_SESSION_ID", help="Session, leg or control id.")],
    out: Annotated[Path, typer.Option(help="The zip to write.")],
    key: Key = None,
    allow_unsealed: AllowUnsealed = False,
) -> None:
    """Write a dossier of one call: its webhooks, proofs, keys, timeline, a page to read, and what checks them."""
    from query import calls as question  # noqa: PLC0415  not for the commands on the log, which are beside this one

    read = settings.load()
    with _connected(read) as (reading, connection):
        call = question.show(reading, call_id)
        if call is None:
            logs.say(f"callaudit: no call {call_id} in the read models [call_not_found]")
            raise typer.Exit(1)
        session = call["call_sessions"][0]["call_session_id"]
        positions = evidence.positions_of(connection, session=session)
        proven = _gather(read, connection, positions, key, allow_unsealed=allow_unsealed)
        again = evidence.redeliveries(connection, positions)
        made = dossier.build(proven, call=call, redeliveries=again, signer=trust.folder(read).signer())
    archive.write_zip(out, made)
    _report(out, proven, made)


def proof(
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="The id that the provider gave the event.")],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    key: Key = None,
    allow_unsealed: AllowUnsealed = False,
) -> None:
    """Write the proof that an event is in the log, with the event, the keys, and what checks them."""
    read = settings.load()
    with _connected(read) as (_, connection):
        positions = evidence.positions_of(connection, event_id=event_id)
        if not positions:
            logs.say(f"callaudit: no event {event_id} in the log [event_not_found]")
            raise typer.Exit(1)
        proven = _gather(read, connection, positions, key, allow_unsealed=allow_unsealed)
        again = evidence.redeliveries(connection, positions)
        made = dossier.build(proven, redeliveries=again, signer=trust.folder(read).signer())
    archive.write_folder(out, made)
    _report(out, proven, made)


def _gather(
    read: settings.Settings,
    connection: psycopg.Connection[Any],
    positions: Collection[int],
    keys: list[str] | None,
    *,
    allow_unsealed: bool,
) -> evidence.Evidence:
    return evidence.gather(
        connection,
        positions,
        trust.log_keys(read, keys or []),
        trust.telnyx_keys(read.telnyx_public_key, "settings"),
        allow_unsealed=allow_unsealed,
    )


@contextmanager
def _connected(read: settings.Settings) -> "Generator[tuple[sqlalchemy.Connection, psycopg.Connection[Any]]]":
    """Give one auditor's connection in two dialects: read models and log as they are at one moment."""
    with database.opened(read) as opened, database.reading(opened.as_part("auditor")) as reading:
        yield reading, cast("psycopg.Connection[Any]", reading.connection.dbapi_connection)


def _report(out: Path, proven: evidence.Evidence, made: dict[str, bytes]) -> None:
    typer.echo(out)
    covered = f"{len(proven.events)} events, under the checkpoint over {proven.checkpoint.size}"
    typer.echo(f"  {covered}; check it with the verify.py in it")
    if proven.left_out:
        typer.echo(f"  {len(proven.left_out)} events are left out: no checkpoint covers them yet")
    if b"\n\n" not in made[dossier.MANIFEST]:
        typer.echo("  its manifest is not signed: the private key of this log is not here")
