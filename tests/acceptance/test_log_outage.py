"""Outages as an operator declares them."""

from pathlib import Path

import pytest

from tests.acceptance import server
from tests.conftest import Database
from tests.integration.projections import journal


@pytest.mark.parametrize("to", ["2026-03-01T12:00:00Z", "2026-03-01T11:59:59.999999Z"])
def test_outage_that_lasts_no_time_is_refused(database: Database, tmp_path: Path, to: str) -> None:
    """One sentence with its reason, and nothing goes on the record: the fold would ignore it."""
    declared = ["log", "outage", "--from", "2026-03-01T12:00:00Z", "--to", to, "--reason", "a slip"]
    refused = server.run(declared, server.environment(database, tmp_path), tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.endswith("[outage_refused]\n")
    assert refused.stderr.count("\n") == 1
    assert journal.value(database, "SELECT count(*) FROM log.events") == 0
