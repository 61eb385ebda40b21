"""As of when a report speaks: a position of the log, and the instant up to which silence may be judged.

``resolve`` reads what people ask for; ``folded`` gives an engine over the log as it was. Both need the right to read
the log (the auditor's or the worker's), which analysts have not.
"""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import psycopg

from calls import instants
from calls.instants import Instant
from projections.pool import PROCESSES_DEFAULT, Progress
from reports import engines, refold
from reports.errors import AsOfRefused
from store import heartbeats, moments, read

_POSITION = re.compile(r"\d{1,18}", re.ASCII)


class AsOf(NamedTuple):
    """The events below ``position``, judged at ``instant``."""

    position: int
    instant: Instant


def resolve(connection: psycopg.Connection[Any], asked: str, now: Instant) -> AsOf:
    """Read a position, or an ISO 8601 instant (a day is its midnight in UTC). ``now`` is the clock.

    An instant means what its last checkpoint covers. Nothing is judged later than what could be heard. Raises
    AsOfRefused: as_of_unreadable, as_of_beyond_log, as_of_before_first_checkpoint, as_of_in_future.
    """
    if _POSITION.fullmatch(asked):
        found = _at_position(connection, int(asked))
    elif (instant := instants.parse_day_or_instant(asked)) is not None:
        found = _at_instant(connection, asked, instant, now)
    else:
        raise AsOfRefused(
            "as_of_unreadable", f"{asked!r} is neither a log position nor an instant like 2026-10-31T18:00:00Z"
        )
    heard = instants.from_datetime(heartbeats.heard_until(connection, instants.to_datetime(now)))
    return found._replace(instant=min(found.instant, heard))


def _at_position(connection: psycopg.Connection[Any], position: int) -> AsOf:
    end = read.head(connection) + 1
    if position > end:
        raise AsOfRefused("as_of_beyond_log", f"the log has {end} events, and none at position {position - 1}")
    at = moments.sealed_at(connection, position) or moments.last_received(connection, position)
    return AsOf(position, 0 if at is None else instants.from_datetime(at))


def _at_instant(connection: psycopg.Connection[Any], asked: str, instant: Instant, now: Instant) -> AsOf:
    if instant > now:
        raise AsOfRefused("as_of_in_future", f"{asked} is yet to come: it is {instants.to_text(now)}")
    sealed = moments.sealed_by(connection, instants.to_datetime(instant))
    if sealed is None:
        raise AsOfRefused("as_of_before_first_checkpoint", f"no checkpoint of the log was sealed by {asked}")
    return AsOf(sealed.size, min(instant, _heard_beyond(connection, sealed) or instant))


def _heard_beyond(connection: psycopg.Connection[Any], sealed: moments.Sealed) -> Instant | None:
    """Say when the first event was received that a checkpoint does not cover: from then on its silence proves nothing.

    One that was received before the checkpoint came late: whoever looked at the time of the checkpoint knew nothing
    of it.
    """
    received: datetime | None = moments.received(connection, sealed.size)
    return None if received is None else instants.from_datetime(max(received, sealed.sealed_at))


@contextmanager
def folder(
    url: str, as_of: AsOf, *, processes: int = PROCESSES_DEFAULT, progress: Progress | None = None
) -> Generator[Path]:
    """Fold the log at ``url`` as of then, in several processes, and give the folder of its facts until the block ends.

    What it takes of memory does not grow with the log: facts go to files. Raises AsOfFailed.
    """
    with TemporaryDirectory(prefix="callaudit-as-of-") as name:
        path = Path(name)
        refold.refold(url, as_of.position, as_of.instant, path, processes=processes, progress=progress)
        yield path


@contextmanager
def folded(
    url: str,
    as_of: AsOf,
    *,
    processes: int = PROCESSES_DEFAULT,
    progress: Progress | None = None,
    unfolded: Callable[[str, str], object] = lambda _session, _error: None,
) -> Generator[engines.DuckDB]:
    """Fold the log as of then, and give an engine over it until the block ends. Raises AsOfFailed.

    ``unfolded`` hears of each session that could not be folded, and why: its calls are in no figure.
    """
    with (
        folder(url, as_of, processes=processes, progress=progress) as path,
        engines.DuckDB.from_files(path, as_of.position) as engine,
    ):
        for session, error in refold.unfolded(path):
            unfolded(session, error)
        yield engine
