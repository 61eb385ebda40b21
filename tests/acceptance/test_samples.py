"""Every published and observed webhook body, signed and posted to the real server."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from nacl.secret import SecretBox
from psycopg.rows import dict_row

from calls import masking
from ingest import strongbox
from query import log
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.projections import journal

SAMPLES = 162
SETTLED = 4_102_444_800_000_000  # 2100-01-01


@dataclass(frozen=True, slots=True)
class Posted:
    """What was posted (file name to bytes), how it was answered, and what the log then held."""

    bodies: dict[str, bytes]
    statuses: dict[str, int]
    rows: list[dict[str, Any]]
    redelivered: list[bytes]
    key: bytes
    database: Database


@pytest.fixture(scope="module")
def posted(clone: Callable[..., Database], shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Posted:
    """Post every sample once, one after the other, and project the log."""
    database, home = clone(), tmp_path_factory.mktemp("samples")
    bodies = {path.name: path.read_bytes() for path in sorted((shared / "data" / "samples").glob("*.json"))}
    with server.serving(database, home) as site:
        statuses = {name: site.post(body).status_code for name, body in bodies.items()}
    journal.projected(database, SETTLED)
    with psycopg.connect(database.url) as connection:
        rows = (
            connection.cursor(row_factory=dict_row)
            .execute("SELECT * FROM log.events WHERE source = 'webhook' ORDER BY position")
            .fetchall()
        )
        redelivered = [body for (body,) in connection.execute("SELECT body FROM log.redeliveries")]
    key = strongbox.key_at(home / "keys" / "sealed_bodies.key")
    return Posted(bodies, statuses, rows, redelivered, key, database)


def test_every_sample_is_taken(posted: Posted) -> None:
    """200 for each, also without an id, leg or time, in the flat forms and for events that are not about calls."""
    assert len(posted.bodies) == SAMPLES
    assert {name: status for name, status in posted.statuses.items() if status != 200} == {}


def test_every_sample_is_stored_as_it_came_but_for_what_is_masked(posted: Posted) -> None:
    """Byte for byte where there is nothing to mask; nothing is stored that was not sent."""
    masked = {name: masking.mask(body) for name, body in posted.bodies.items()}
    stored = Counter([*(row["body"] for row in posted.rows), *posted.redelivered])
    assert stored == Counter(each.body for each in masked.values())
    untouched = [name for name, each in masked.items() if each.body == posted.bodies[name]]
    assert len(untouched) > 130
    assert all(posted.bodies[name] in stored for name in untouched)


def test_sample_that_is_masked_keeps_what_may_be_kept(posted: Posted) -> None:
    """A recording's URL is sealed beside the signature; where digits were, neither is kept."""
    rows = {row["body"]: row for row in posted.rows}
    kinds: Counter[str] = Counter()
    for body in posted.bodies.values():
        masked = masking.mask(body)
        if masked.body not in rows:
            continue  # the same event under another name
        row = rows[masked.body]
        assert row["masked"] is (masked.guessable or masked.bearer)
        assert (row["signature"] is None) is masked.guessable
        sealed = masked.bearer and not masked.guessable
        assert (row["sealed_body"] is not None) is sealed
        if sealed:
            assert SecretBox(posted.key).decrypt(row["sealed_body"]) == body
        kinds.update(["sealed"] * sealed + ["guessable"] * masked.guessable)
    assert kinds["sealed"] > 3
    assert kinds["guessable"] > 3


def test_every_sample_with_a_leg_and_a_time_is_on_a_timeline(posted: Posted) -> None:
    """And has a sentence; the others are quarantined or not about a leg, and are counted as such."""
    shown = {row["position"]: row for row in journal.tables(posted.database)["timeline"]}
    placed = [row for row in posted.rows if row["call_leg_id"] and row["occurred_at"]]
    assert len(placed) > 100
    assert [row["position"] for row in placed if not shown[row["position"]]["sentence"].endswith(".")] == []
    for row in posted.rows:
        if row["call_leg_id"] is None and row["call_session_id"] is None:
            assert row["position"] not in shown


def test_samples_that_share_an_id_are_both_kept_and_flagged(posted: Posted) -> None:
    """The published transfer events share one id: a conflict in the log's figures and on the timeline."""
    shared_id = "fbeb70e0-54eb-4e26-8d19-56b43e66f754"
    sharing = {row["position"]: row["event_type"] for row in posted.rows if row["event_id"] == shared_id}
    assert {"call.refer.started", "call.refer.failed"} <= set(sharing.values())
    flagged = {
        row["position"]: row["flags"]
        for row in journal.tables(posted.database)["timeline"]
        if row["position"] in sharing
    }
    assert sharing.keys() == flagged.keys()
    assert all("id_conflict" in flags for flags in flagged.values())
    with psycopg.connect(posted.database.as_part("auditor")) as connection:
        counts = log.stats(connection)
    ids = [row["event_id"] for row in posted.rows if row["event_id"]]
    assert counts["id_conflicts"] == len(ids) - len(set(ids)) > 0
    assert counts["stored"] + counts["duplicate_deliveries"] == SAMPLES


def test_rows_of_the_samples_are_the_folds(posted: Posted) -> None:
    """However odd the published examples are together, the tables hold what the fold makes of the log."""
    assert journal.tables(posted.database) == journal.expected(journal.events(posted.database), SETTLED)
