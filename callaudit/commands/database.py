"""``worker`` and ``migrate``: what runs beside the front."""

from typing import Annotated

import typer

from callaudit import database, logs, settings, stopping
from callaudit import worker as projector
from callaudit.commands.options import WithParent


def worker(with_parent: WithParent = False) -> None:
    """Project the log into the tables people query."""
    if with_parent:
        stopping.with_parent()
    stop = stopping.on_signals()
    with database.opened(settings.load()) as opened:
        projector.run(opened.as_part("worker"), stop)


def migrate(
    role_prefix: Annotated[str | None, typer.Option(help="Name roles <prefix>_ingest and so on.")] = None,
) -> None:
    """Bring the database to this program's schema."""
    read = settings.load()
    if role_prefix is not None:
        read = read.model_copy(update={"callaudit_role_prefix": role_prefix})
    with database.opened(read) as opened:
        opened.migrate()
    logs.say("the database is at the newest revision")
