"""The queries of docs/coverage.md, as an analyst runs them."""

import re
from pathlib import Path

import psycopg
import pytest

from calls import instants
from tests.conftest import Database
from tests.integration.projections import journal
from tests.unit.calls import made

DOCUMENT = Path(__file__).parents[3] / "docs" / "coverage.md"
SHARES, UNRECORDED = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(("query", "rows"), [(SHARES, [(1, 0.5, 0.5)]), (UNRECORDED, [("ses-1", "leg-1")])])
def test_query_of_the_document_answers(database: Database, query: str, rows: list[tuple[object, ...]]) -> None:
    """Half of a call is recorded, and the other half lies over noon of the day that the document names."""
    noon = instants.parse("2026-10-01T12:00:00Z")
    assert noon is not None
    told = {"call.answered": -30_000, "siprec.started": -30_000, "siprec.stopped": -5_000, "call.hangup": 20_000}
    journal.write(database, [made.event(kind, noon / 1_000 + at, event_id=kind) for kind, at in told.items()])
    journal.projected(database, noon + made.hours(24))
    with psycopg.connect(database.as_part("analyst")) as connection:
        assert connection.execute(query.encode()).fetchall() == rows
