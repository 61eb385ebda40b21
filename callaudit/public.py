"""What anybody may fetch to check the log: the last checkpoint, and the tree's tiles (C2SP tlog-tiles).

Hashes only. Entries are not served: they are what was said of calls, and a leaf's hash tells nothing of it. A tile is
served once it is under a checkpoint, and never changes then; only a log that `callaudit log continue` began anew over
an older state would give others.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from typing import Any

import fastapi
import psycopg
import psycopg_pool
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from store import append, checkpoints, tiles, tree
from store.errors import TreeIncomplete
from store.notes import NoteRejected

CONNECTIONS_MAX = 2
WAITING_MAX = 20
WAIT_SECONDS = 3.0
TILES_KEPT = 256
"""Tiles that are kept at hand, 2 MB: a partial one above the lowest level costs up to 60 ms to work out."""

BRIEFLY = {"Cache-Control": "public, max-age=5"}
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}

NOT_THERE = {
    "checkpoint_not_there": "nothing was sealed yet",
    "tile_path_refused": "no tile is named so: expected /tile/<level>/<index>[.p/<width>], as /tile/0/x001/234.p/5",
    "tile_not_there": "the tree under the last checkpoint has no such tile",
    "entries_not_served": "entries are not served, only their hashes",
}

_SESSION: dict[str, Any] = {"autocommit": True, "application_name": "callaudit public", **append.SOON}


def router(url: str) -> fastapi.APIRouter:
    """Give the routes. Who ``url`` names must read tiles, checkpoints, and positions and hashes of events."""
    public = _Public(url)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncGenerator[None]:
        yield
        public.close()

    routes = fastapi.APIRouter(lifespan=lifespan, include_in_schema=False)
    routes.get("/checkpoint")(public.checkpoint)
    routes.get("/tile/{path:path}")(public.tile)
    return routes


class _Public:
    """Answers over a few connections, which are opened when somebody first asks."""

    def __init__(self, url: str) -> None:
        logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())  # what it would say, the answer says
        self._pool = psycopg_pool.ConnectionPool[psycopg.Connection[Any]](
            url,
            kwargs=_SESSION,
            min_size=0,
            max_size=CONNECTIONS_MAX,
            max_waiting=WAITING_MAX,
            timeout=WAIT_SECONDS,
            open=False,
        )
        self._hashes = lru_cache(TILES_KEPT)(self._read)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def checkpoint(self) -> Response:
        """Give the note that was sealed last."""
        return _answer(self._checkpoint)

    def tile(self, path: str) -> Response:
        """Give a tile's hashes, as many as its name says."""
        return _answer(lambda: self._tile(path))

    def _checkpoint(self) -> Response:
        note = self._last()
        if note is None:
            return _not_there("checkpoint_not_there")
        return PlainTextResponse(note, headers=BRIEFLY)

    def _tile(self, path: str) -> Response:
        if path.partition("/")[0] == "entries":
            return _not_there("entries_not_served")
        try:
            tile = tiles.parse(path)
        except tiles.TilePathRefused as error:
            return _not_there(error.reason)
        note = self._last()
        last = None if note is None else checkpoints.unverified(note)
        if last is None or tiles.width(tile.level, tile.index, last.size) < tile.width:
            return _not_there("tile_not_there")
        return Response(self._hashes(last.origin, tile), media_type="application/octet-stream", headers=FOR_EVER)

    def _last(self) -> str | None:
        with self._connection() as connection:
            return tree.last_checkpoint(connection)

    def _read(self, origin: str, tile: tiles.Tile) -> bytes:
        del origin  # tells the tiles of a log from those of the one that it continues
        with self._connection() as connection:
            return tree.tile(connection, tile)

    @contextmanager
    def _connection(self) -> Generator[psycopg.Connection[Any]]:
        """Lend a connection for a few seconds: a server that says nothing at all must not hold threads for ever."""
        self._pool.open()  # does nothing to one that is open
        with self._pool.connection() as connection, append.patience(connection, WAIT_SECONDS):
            yield connection


def _answer(find: Callable[[], Response]) -> Response:
    try:
        return _again_if_lost(find)
    except psycopg.Error:
        return _problem(503, "log_unavailable", "the log cannot be reached now")
    except (TreeIncomplete, NoteRejected) as error:
        return _problem(500, error.reason, "the log is not what was sealed: `callaudit log verify` says more")


def _again_if_lost(find: Callable[[], Response]) -> Response:
    """Find it over a second connection where the first was lost, perhaps while nobody used it."""
    try:
        return find()
    except (psycopg_pool.PoolTimeout, psycopg_pool.TooManyRequests):
        raise
    except psycopg.OperationalError:
        return find()


def _not_there(reason: str) -> Response:
    return _problem(404, reason, NOT_THERE[reason])


def _problem(status: int, reason: str, title: str) -> Response:
    problem = {"type": "about:blank", "title": title, "status": status, "reason": reason}
    return JSONResponse(problem, status, media_type="application/problem+json")
