"""``worker`` and ``migrate``: what runs beside the front."""

from typing import Annotated

import structlog
import typer

from callaudit import VERSION, database, logs, mirroring, production, scheduler, sealer, settings, settler, stopping
from callaudit import worker as projector
from callaudit.commands.options import WithParent
from store import signing
from store.errors import StoreError

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


def worker(with_parent: WithParent = False) -> None:
    """Seal the log, project it into the tables people query, see to commands, and run the reports that are due."""
    if with_parent:
        stopping.with_parent()
    stop = stopping.on_signals()
    read = settings.load()
    with database.opened(read) as opened:
        url, keys = opened.as_part("worker"), signing.Folder(read.home / "keys")
        projector.reach(url)  # what is wrong from the start is one sentence, not a line of each thread
        _log.info("working", version=VERSION, origin=_origin(keys))
        with (
            mirroring.running(url, keys, read.callaudit_checkpoint_mirror),
            sealer.running(url, keys, stop),
            scheduler.running(url, stop, production.means(url, read)),
            settler.running(url, stop, read),
        ):
            projector.run(url, stop)
    _log.info("worked", version=VERSION)


def _origin(keys: signing.Folder) -> str | None:
    """Name the log as it was sealed before; None where it never was, or the sealer will say what is wrong."""
    try:
        key = keys.verifier()
    except StoreError:
        return None
    return None if key is None else key.name


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
