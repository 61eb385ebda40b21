"""What was refused is counted always and kept within bounds, whoever floods the door, with whatever."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from store import rejections
from store.rejections import Counted, Rejection
from tests.conftest import Database
from tests.integration.store import log

DAY = datetime(2026, 9, 21, 12, tzinfo=UTC)
ROW = rejections.ROW_BYTES


def refusal(body: bytes | None = b"", **fields: Any) -> Rejection:
    """Make a refusal."""
    said: dict[str, Any] = {
        "received_at": DAY,
        "remote_address": "192.0.2.1",
        "reason": "timestamp_outside_tolerance",
        "body": body,
        "body_bytes": len(body or b""),
        "content_type": "application/json",
        "signed_timestamp": "1790000000",
        "signature": "c2ln",
    }
    given = {**said, **fields}
    return Rejection(**{"network": given["remote_address"], **given})


def keep(database: Database, *refused: Rejection) -> None:
    """Write down refusals as the ingest role does."""
    with psycopg.connect(database.as_part("ingest"), autocommit=True) as connection:
        rejections.keep(connection, refused)


def bodies(database: Database) -> list[bytes | None]:
    """Give the bytes that were kept."""
    return [row["body"] for row in log.rows(database, "intake.rejections", "rejection_id")]


def counts(database: Database) -> dict[tuple[str, str], tuple[int, int]]:
    """Give how many were refused and kept, by reason and address."""
    rows = log.rows(database, "intake.rejection_counts", "reason, remote_address")
    return {(row["reason"], row["remote_address"]): (row["refused"], row["kept"]) for row in rows}


def test_refusal_is_kept_whole_and_counted(database: Database) -> None:
    """Within the quotas everything of it is there to look at."""
    keep(database, refusal(b"body"), refusal(None, reason="body_too_large", body_bytes=9))
    first, second = log.rows(database, "intake.rejections", "rejection_id")
    assert (first["body"], first["body_bytes"], first["received_at"]) == (b"body", 4, DAY)
    assert (first["content_type"], first["signed_timestamp"], first["signature"]) == (
        "application/json",
        "1790000000",
        "c2ln",
    )
    assert (second["body"], second["body_bytes"]) == (None, 9)
    assert counts(database) == {
        ("body_too_large", "192.0.2.1"): (1, 1),
        ("timestamp_outside_tolerance", "192.0.2.1"): (1, 1),
    }


def test_address_that_floods_is_counted_and_takes_no_room_from_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond an address's quota its refusals are counted; what was there stays, and others are kept."""
    monkeypatch.setattr(rejections, "ADDRESS_BYTES_MAX_DEFAULT", 2 * (ROW + 5))
    keep(database, *(refusal(b"%05d" % number) for number in range(5)))
    keep(database, refusal(b"other", remote_address="192.0.2.2"))
    assert bodies(database) == [b"00000", b"00001", b"other"]
    assert counts(database) == {
        ("timestamp_outside_tolerance", "192.0.2.1"): (5, 2),
        ("timestamp_outside_tolerance", "192.0.2.2"): (1, 1),
    }


def test_reason_that_floods_takes_no_room_from_other_reasons(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many addresses together fill the quota of one reason, and no other's."""
    monkeypatch.setattr(rejections, "REASON_BYTES_MAX_DEFAULT", 2 * (ROW + 1))
    keep(database, *(refusal(b"x", remote_address=f"192.0.2.{number}") for number in range(4)))
    keep(database, refusal(b"y", reason="timestamp_missing"))
    assert bodies(database) == [b"x", b"x", b"y"]
    assert sum(refused for refused, _ in counts(database).values()) == 5


def test_refusals_without_a_body_fill_the_quota_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row takes room by itself: unsigned requests, whose bodies are never read, do not fill the disk."""
    monkeypatch.setattr(rejections, "ADDRESS_BYTES_MAX_DEFAULT", 3 * ROW)
    keep(database, *(refusal(reason="signature_missing") for _ in range(9)))
    assert counts(database) == {("signature_missing", "192.0.2.1"): (9, 3)}


def test_bodies_that_are_not_kept_take_no_room(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused for its size does not use up the bytes of what can be kept."""
    monkeypatch.setattr(rejections, "ADDRESS_BYTES_MAX_DEFAULT", 3 * ROW)
    keep(database, *(refusal(None, body_bytes=2**21) for _ in range(3)))
    assert counts(database) == {("timestamp_outside_tolerance", "192.0.2.1"): (3, 3)}


def test_further_addresses_are_counted_together(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood from ever new addresses adds one row of counts, not one each; known ones go on as before."""
    monkeypatch.setattr(rejections, "ADDRESSES_MAX_DEFAULT", 2)
    keep(database, *(refusal(remote_address=f"192.0.2.{number}") for number in (1, 2, 3, 4, 5, 1)))
    assert counts(database) == {
        ("timestamp_outside_tolerance", "192.0.2.1"): (2, 2),
        ("timestamp_outside_tolerance", "192.0.2.2"): (1, 1),
        ("timestamp_outside_tolerance", "other"): (3, 0),
    }


def test_writers_of_refusals_take_turns(database: Database) -> None:
    """Two processes that count the same reasons in another order do not deadlock: the second waits for the first."""
    other = threading.Thread(target=keep, args=(database, refusal(reason="b"), refusal(reason="a")))
    with psycopg.connect(database.as_part("ingest"), autocommit=True) as connection, connection.transaction():
        rejections.keep(connection, [refusal(reason="a")])
        other.start()
        log.until_waited_for(database, "intake.rejection_counts", other)
        rejections.keep(connection, [refusal(reason="b")])
    other.join()
    assert set(counts(database).values()) == {(2, 2)}


def test_addresses_of_one_network_share_a_quota(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted as one, and each row keeps its own address."""
    monkeypatch.setattr(rejections, "ADDRESS_BYTES_MAX_DEFAULT", 2 * ROW)
    keep(database, *(refusal(remote_address=f"2001:db8::{n}", network="2001:db8::/64") for n in (1, 2, 3)))
    rows = log.rows(database, "intake.rejections", "rejection_id")
    assert [row["remote_address"] for row in rows] == ["2001:db8::1", "2001:db8::2"]
    assert counts(database) == {("timestamp_outside_tolerance", "2001:db8::/64"): (3, 2)}


def test_what_may_turn_out_genuine_has_more_room(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that a key configured later may verify are evidence, and sealed ones count as what they are."""
    monkeypatch.setattr(rejections, "ADDRESS_BYTES_MAX_DEFAULT", ROW + 10)
    evidence = refusal(b"12345", reason=rejections.EVIDENCE_REASON, sealed_body=b"12345")
    keep(database, *[evidence] * 9)
    assert counts(database) == {(rejections.EVIDENCE_REASON, "192.0.2.1"): (9, rejections.EVIDENCE_FACTOR)}
    assert log.rows(database, "intake.rejections", "rejection_id")[0]["sealed_body"] == b"12345"


def test_refusals_that_are_only_counted_are_added_to_the_day(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have no row, and further addresses are counted together here too."""
    monkeypatch.setattr(rejections, "ADDRESSES_MAX_DEFAULT", 2)
    seen = [Counted(DAY.date(), "rate_limited", network) for network in ("a", "b", "c", "d", "a")]
    with psycopg.connect(database.as_part("ingest"), autocommit=True) as connection:
        for counted in seen:
            rejections.keep(connection, [], {counted: 5})
    assert counts(database) == {
        ("rate_limited", "a"): (10, 0),
        ("rate_limited", "b"): (5, 0),
        ("rate_limited", "other"): (10, 0),
    }


def test_quotas_are_of_a_utc_day(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next day in UTC has room again, whatever the zone of the session."""
    monkeypatch.setattr(rejections, "ADDRESS_BYTES_MAX_DEFAULT", ROW)
    midnight = datetime(2026, 9, 22, tzinfo=UTC)
    with psycopg.connect(database.as_part("ingest"), autocommit=True) as connection:
        connection.execute("SET timezone = 'Pacific/Auckland'")
        for moment in (DAY, midnight - timedelta(microseconds=1), midnight):
            rejections.keep(connection, [refusal(received_at=moment)])
    rows = log.rows(database, "intake.rejection_counts", "utc_day")
    assert [(row["utc_day"].isoformat(), row["refused"], row["kept"]) for row in rows] == [
        ("2026-09-21", 2, 1),
        ("2026-09-22", 1, 1),
    ]


def test_prune_clears_what_is_old_and_keeps_its_count(database: Database) -> None:
    """Rows go by age; that they were refused stays counted."""
    keep(database, refusal(b"old"), refusal(b"new", received_at=DAY + timedelta(days=8)))
    with psycopg.connect(database.as_part("worker"), autocommit=True) as worker:
        row = worker.execute("SELECT intake.prune(%s)", [DAY + timedelta(days=7)]).fetchone()
    assert row == (1,)
    assert bodies(database) == [b"new"]
    assert [row["refused"] for row in log.rows(database, "intake.rejection_counts", "utc_day")] == [1, 1]
