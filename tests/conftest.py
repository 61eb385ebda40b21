"""Fixtures for everything: a real Postgres, migrated databases cloned from a template, and where ``shared`` is."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, sql

import migrations
from callaudit import postgres

SHARED = Path(__file__).parents[2] / "shared"

THROWN_AWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "wal_compression": "off"}
"""What these databases hold need not outlive the machine; a clone is ten times as fast, and so is the end."""

_numbers = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run choose another Postgres than the embedded one."""
    parser.addoption("--postgres-bindir", type=Path, help="run on the Postgres whose programs are here")
    parser.addoption("--full", action="store_true", help="run the heavy tests in full, not at a tenth")


@dataclass(frozen=True, slots=True)
class Database:
    """A fresh migrated database. ``url`` is the superuser's."""

    url: str

    def as_part(self, part: str) -> str:
        """Give the URL of a part's own role."""
        return conninfo.make_conninfo(self.url, user=f"callaudit_{part}")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether heavy tests run in full."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Running]:
    """One Postgres for the whole run, shared by all test processes."""
    base = tmp_path_factory.getbasetemp()
    home = (base.parent if hasattr(request.config, "workerinput") else base) / "cluster"
    home.mkdir(exist_ok=True)
    bindir = request.config.getoption("--postgres-bindir")
    with postgres.embedded(home, bindir=bindir, settings=THROWN_AWAY) as running:
        yield running


@pytest.fixture(scope="session")
def clone(cluster: postgres.Running, worker_id: str) -> Callable[..., Database]:
    """Make databases: each a clone of a template that the real migrations built (about 50 ms)."""
    templates: dict[int, str] = {}

    def make(partition_positions: int = migrations.PARTITION_POSITIONS_DEFAULT) -> Database:
        if partition_positions not in templates:
            template = f"template_{worker_id}_{partition_positions}"
            _create(cluster, template, "template0")
            migrations.upgrade(cluster.url(dbname=template), partition_positions=partition_positions)
            templates[partition_positions] = template
        name = f"test_{worker_id}_{next(_numbers)}"
        _create(cluster, name, templates[partition_positions])
        return Database(cluster.url(dbname=name))

    return make


@pytest.fixture
def database(clone: Callable[..., Database]) -> Database:
    """A fresh migrated database."""
    return clone()


@pytest.fixture
def small_partitions(clone: Callable[..., Database]) -> Database:
    """A fresh migrated database whose log partitions hold 64 events."""
    return clone(partition_positions=64)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Where the published samples and edge cases are; the test is skipped where they are not."""
    if not SHARED.is_dir():
        pytest.skip("reads ../shared, which is not here")
    return SHARED


def _create(cluster: postgres.Running, name: str, template: str) -> None:
    with psycopg.connect(cluster.url(dbname="postgres"), autocommit=True) as connection:
        connection.execute(
            # As files, not page by page by way of the WAL, which would take most of what a run asks of Postgres.
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
