"""Checkpoint and tiles over HTTP, as the ingest role: what a tree has is served, all else is a 404 with a reason."""

import asyncio
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import fastapi
import httpx
import psycopg
import pytest
from psycopg import conninfo

from callaudit import public
from store import checkpoints, merkle, signing, tiles
from tests.acceptance.home import until
from tests.conftest import Database
from tests.integration.store import log, rows, seals
from tests.unit.store import trees


class Client:
    """Asks the public routes, served alone."""

    def __init__(self, url: str) -> None:
        self.app = fastapi.FastAPI()
        self.app.include_router(public.router(url))

    def get(self, path: str) -> httpx.Response:
        """Ask once."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://log.example") as client:
                return await client.get(path)

        return asyncio.run(ask())

    def end(self) -> None:
        """Begin and end the application's life: what is open is closed."""

        async def live() -> None:
            async with self.app.router.lifespan_context(self.app):
                return

        asyncio.run(live())


@contextmanager
def client_of(url: str) -> Generator[Client]:
    """Serve the routes during the block."""
    client = Client(url)
    try:
        yield client
    finally:
        client.end()


@pytest.fixture
def client(database: Database) -> Generator[Client]:
    """A client of the routes on this database, as ingest."""
    with client_of(database.as_part("ingest")) as given:
        yield given


def refused(client: Client, path: str) -> tuple[int, str]:
    """Give status and reason of a problem."""
    answer = client.get(path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["reason"]


def test_tree_is_served_as_its_checkpoint_says(client: Client, database: Database, tmp_path: Path) -> None:
    """The checkpoint is the signed note; every full and every last partial tile has the hashes that are its own."""
    leaves = trees.leaves(70_000)
    rows.insert(database, range(70_000))
    seals.seal(database, tmp_path)
    answer = client.get("/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=5"
    key = signing.Folder(tmp_path).verifier()
    assert key is not None
    size = checkpoints.open_(answer.text, key).size
    assert size == 70_000
    hashes = leaves
    for level in range(3):
        for index in {0, len(hashes) // 512, (len(hashes) - 1) // 256}:
            tile = tiles.Tile(level, index, tiles.width(level, index, size))
            got = client.get(f"/tile/{tile.path}")
            assert (got.status_code, got.headers["content-type"]) == (200, "application/octet-stream")
            assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert got.content == b"".join(hashes[index * 256 :][: tile.width])
        hashes = [trees.mth(hashes[n : n + 256]) for n in range(0, len(hashes) - 255, 256)]


def test_partial_tiles_of_any_earlier_size_are_served(client: Client, database: Database, tmp_path: Path) -> None:
    """Who holds an older checkpoint finds the tiles of its tree."""
    leaves = trees.leaves(600)
    rows.insert(database, range(600))
    seals.seal(database, tmp_path)
    for size in (1, 255, 256, 257, 300):

        def read(level: int, index: int, size: int = size) -> bytes:
            path = tiles.Tile(level, index, tiles.width(level, index, size)).path
            return client.get(f"/tile/{path}").content

        assert merkle.root(size, tiles.fetch_from(read)) == merkle.root(size, trees.fetch(leaves))


def test_what_is_not_there_is_not_found_with_a_reason(client: Client, database: Database, tmp_path: Path) -> None:
    """Tiles beyond the tree, other spellings, and entries."""
    rows.insert(database, range(600))
    seals.seal(database, tmp_path)
    beyond = ["0/002", "0/002.p/89", "0/003.p/1", "1/000", "1/000.p/3", "2/000.p/1", "63/000.p/1"]
    beyond += ["0/x999/x999/x999/x999/x999/x999/x999/999"]
    misspelt = ["0/0", "0/x000/000", "0/000.p/256", "64/000", "", "0/000/", "0/%00", "%F0%9F%8C%B3", "%FF"]
    for paths, reason in (
        (beyond, "tile_not_there"),
        (misspelt, "tile_path_refused"),
        (["entries/000", "entries/000.p/1"], "entries_not_served"),
    ):
        for path in paths:
            assert refused(client, f"/tile/{path}") == (404, reason), path


def test_nothing_is_there_before_it_is_sealed(client: Client, database: Database, tmp_path: Path) -> None:
    """Events that no checkpoint covers yet are not given out."""
    rows.insert(database, range(10))
    assert refused(client, "/checkpoint") == (404, "checkpoint_not_there")
    assert refused(client, "/tile/0/000.p/10") == (404, "tile_not_there")
    seals.seal(database, tmp_path)
    rows.insert(database, range(10, 20))
    assert client.get("/tile/0/000.p/10").status_code == 200
    assert refused(client, "/tile/0/000.p/11") == (404, "tile_not_there")


def test_database_that_is_away_is_unavailable(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be back soon."""
    monkeypatch.setattr(public, "WAIT_SECONDS", 0.3)
    with client_of(conninfo.make_conninfo(database.as_part("ingest"), dbname="never_was")) as client:
        assert refused(client, "/checkpoint") == (503, "log_unavailable")


def test_database_that_comes_back_is_asked_again(client: Client, database: Database, tmp_path: Path) -> None:
    """A connection that was lost is not the next one's trouble."""
    rows.insert(database, range(10))
    seals.seal(database, tmp_path)
    assert client.get("/checkpoint").status_code == 200
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'callaudit public'"
            " AND datname = current_database()"
        )
    assert client.get("/checkpoint").status_code == 200


def test_server_that_says_nothing_is_given_up(
    client: Client, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is cut after a while and another one asked: nobody waits for ever, nor the end of the program."""
    monkeypatch.setattr(public, "WAIT_SECONDS", 0.2)
    rows.insert(database, range(10))
    seals.seal(database, tmp_path)
    assert client.get("/checkpoint").status_code == 200
    pid = log.value(
        database,
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'callaudit public' AND datname = current_database()",
    )
    os.kill(pid, signal.SIGSTOP)
    try:
        assert client.get("/checkpoint").status_code == 200
    finally:
        os.kill(pid, signal.SIGCONT)


def test_connections_end_with_the_application(database: Database) -> None:
    """A server that stops leaves none behind."""
    with client_of(database.as_part("ingest")) as client:
        client.get("/checkpoint")
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
    until(lambda: log.value(database, count, ["callaudit public"]) == 0)
