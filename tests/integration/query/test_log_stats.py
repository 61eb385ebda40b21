"""The log's figures, counted in a real log: each kind once, from rows of every sort."""

import psycopg

from calls.event import Event
from query import log
from store import system
from tests.conftest import Database
from tests.integration.projections import journal
from tests.integration.store import log as kept
from tests.unit.calls import made


def odd_ones() -> list[Event]:
    """Give events of which each counts as something; a conflict has two halves."""
    return [
        made.event("call.answered", 1, event_id="plain"),
        made.event("call.hold", 2, event_id="said"),
        made.event("call.hold", 2, event_id="said again"),
        made.event("call.hold", 3, event_id="conflict"),
        made.event("call.unhold", 3, event_id="conflict"),
        made.event("call.siprec.started", 4),
        made.event("call.parked", 5),
        made.event("call.hold", None, event_id="untimed"),
        made.event("call.hold", 6, call_leg_id=None),
        made.event("conference.created", 7, call_leg_id=None, call_session_id=None),
    ]


def stats(database: Database) -> dict[str, int]:
    """Ask as the auditor, who reads everything."""
    with psycopg.connect(database.as_part("auditor")) as connection:
        return log.stats(connection)


def test_stats_of_an_empty_log_are_all_zero(database: Database) -> None:
    """Every figure is there, and the next position is the first."""
    assert set(stats(database).values()) == {0}


def test_stats_count_each_kind(database: Database) -> None:
    """Quarantined apart from unattributed, conflicts and repeats by what came before, our own events apart."""
    journal.write(database, odd_ones())
    journal.write(database, odd_ones()[:2] * 11)  # twenty redeliveries of an event are kept, more are counted
    journal.write(database, odd_ones()[:1] * 11)
    with kept.appender(database) as appender:
        appender.append([system.event(system.OUTAGE, {"from": "then", "to": "later"}, made.hours(1))])
    before = stats(database)
    assert (before["projected_position"], before["semantic_duplicates"]) == (0, 0)
    journal.projected(database, made.hours(24))
    assert stats(database) == {
        "stored": 10,
        "duplicate_deliveries": 33,
        "id_conflicts": 1,
        "semantic_duplicates": 1,
        "quarantined": 2,
        "unattributed": 1,
        "unknown_type": 1,
        "aliased_type": 1,
        "system": 1,
        "rejected": 0,
        "outages": 1,
        "position": 11,
        "projected_position": 11,
    }
