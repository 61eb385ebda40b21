"""Fixtures of the tests that run the program as processes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import home as homes
from tests.acceptance import upstreams
from tests.acceptance.gates import Gate, opened
from tests.conftest import Database


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory whose processes all end with the test, with a path that a socket's address can hold."""
    with tempfile.TemporaryDirectory(prefix="callaudit-", ignore_cleanup_errors=True) as name:
        yield Path(name)
        homes.end(Path(name))


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Iterator[Gate]:
    """A gateway on a fresh database, before a fresh upstream."""
    with upstreams.upstream() as behind, opened(database, tmp_path / "home", behind) as running:
        yield running
