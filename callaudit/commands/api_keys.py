"""``keys create``, ``keys list`` and ``keys revoke``: the keys of the API. Taking webhooks needs none."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import psycopg
import typer

from access import keys, registry
from callaudit import database, logs, output, settings
from callaudit.commands.options import Json

_LISTED = ("key_id", "name", "scopes", "actions", "connections", "created_at", "last_used_at", "revoked_at")


def create(
    name: Annotated[str, typer.Argument(help="Who or what uses it, as prometheus or ada@desk.")],
    scope: Annotated[
        list[str],
        typer.Option(help=f"What it may do: {', '.join(keys.SCOPES)}, gateway:METHOD:/v2/path/**. May be repeated."),
    ],
    action: Annotated[
        list[str] | None, typer.Option(help="Limit it to an action, as siprec_start. May be repeated.")
    ] = None,
    connection: Annotated[
        list[str] | None, typer.Option(help="Limit it to a Telnyx connection's calls, by id. May be repeated.")
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(help="What its commands are for, where a request does not say.")
    ] = None,
) -> None:
    """Make an API key and print it: this once, it is not kept."""
    made = keys.make(name, scope, keys.Limits(actions=action, connections=connection, purpose=purpose))
    with _owner() as owner:
        registry.add(owner, made)
    typer.echo(made.token)
    logs.say("keep it now: only a hash of it is stored, and it is not shown again")


def list_(json: Json = False) -> None:
    """List the API keys, the revoked ones too."""
    with _owner() as connection:
        rows = [asdict(each) for each in registry.listed(connection)]
    if json:
        output.json_line(rows)
    else:
        output.table(_LISTED, rows)


def revoke(which: Annotated[str, typer.Argument(metavar="NAME_OR_ID", help="The key's name, or its id.")]) -> None:
    """Revoke an API key: from now on it is refused."""
    with _owner() as connection:
        revoked = registry.revoke(connection, which)
    logs.say(f"key {revoked.name} ({revoked.key_id}) is revoked")


@contextmanager
def _owner() -> Generator[psycopg.Connection[Any]]:
    with database.opened(settings.load()) as opened, psycopg.connect(opened.owner()) as connection:
        yield connection
