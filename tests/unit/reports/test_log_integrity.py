"""What the log holds and lacks, counted from a few rows."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

import reports
from projections import log_counts
from reports import log_integrity
from reports.log_facts import Log, Logged, Outage, Redelivery, Rejection
from tests.unit.reports import report_rows as rows

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US


def logged(position: int, event_type: str | None = "call.hangup", **fields: Any) -> Logged:
    """Give an event received at noon, a second after it occurred."""
    told: dict[str, Any] = {"source": "webhook", "event_id": f"e{position}", "connection_id": "c", "quarantined": None}
    told |= {"received_at": rows.NOON, "occurred_at": rows.NOON - SECOND_US}
    return Logged(position=position, event_type=event_type, **{**told, **fields})


def report(log: Log, *calls: Any, **asked: Any) -> pd.DataFrame:
    """Run the report over the two days around noon."""
    given = {"from_": "2026-10-02", "to": "2026-10-04", **asked}
    return reports.run("log_integrity", rows.engine(*calls, log=log), **given)


def totals(frame: pd.DataFrame) -> dict[str, int]:
    """Give the total of each measure."""
    return dict(frame[frame["detail"].isna()][["measure", "measured_count"]].to_numpy().tolist())


def test_every_measure_shows_also_with_nothing() -> None:
    """An empty log has a row of each measure, all 0: nothing is left to be guessed."""
    frame = report(Log())
    assert frame["measure"].tolist() == list(log_integrity.MEASURES)
    assert set(frame["measured_count"]) == {0}


def test_events_are_sorted_by_what_is_known_of_them() -> None:
    """Types, aliases, quarantine, conflicts and the program's own events are counted as domain 8b says."""
    events = [
        logged(0),
        logged(1, "call_hangup", event_id="e0"),
        logged(2, "fax.delivered"),
        logged(3, "call.hangup", quarantined="no_leg"),
        logged(4, None, quarantined="no_json", event_id=None, occurred_at=None),
        logged(5, "log.idle", source="system"),
        logged(6, received_at=rows.NOON + 60 * HOUR_US, event_id="e0"),
    ]
    log = Log(events, [Redelivery(0, rows.NOON, 3)], [Rejection(date(2026, 10, 2), "signature_invalid", 4)])
    frame = report(log, rows.event(0, rows.NOON, flags=("semantic_duplicate",)), rows.event(1, rows.NOON))
    assert totals(frame) == {
        "events": 5,
        "system": 1,
        "duplicate_deliveries": 3,
        "id_conflicts": 1,
        "semantic_duplicates": 1,
        "quarantined": 2,
        "unattributed": 1,
        "unknown_type": 2,
        "aliased_type": 0,
        "rejected": 4,
        "outages": 0,
        "late_events": 0,
        "latency": 4,
    }
    details = frame[frame["measure"] == "quarantined"]["detail"].dropna()
    assert details.tolist() == ["no_json", "no_leg"]


def test_late_is_beyond_the_grace() -> None:
    """An event received more than 15 minutes after it occurred is late, one received just then is not."""
    grace = log_counts.LATE_US
    events = [logged(0, occurred_at=rows.NOON - grace), logged(1, occurred_at=rows.NOON - grace - 1)]
    assert totals(report(Log(events)))["late_events"] == 1


def test_latency_is_by_connection_and_a_negative_median_is_pointed_out() -> None:
    """Where most events were received before they occurred, a clock is wrong."""
    wrong = [logged(n, connection_id="w", occurred_at=rows.NOON + 2_001) for n in range(3)]
    right = [logged(n + 3, occurred_at=rows.NOON - n * 1_000) for n in range(1, 21)]
    frame = report(Log([*wrong, *right]))
    latency = frame[frame["measure"] == "latency"].set_index("detail")
    assert latency.loc["c", ["measured_count", "median_ms", "p95_ms"]].tolist() == [20, 10, 19]
    assert latency.loc["w", ["measured_count", "median_ms"]].tolist() == [3, -3]
    assert latency["note"].fillna("").to_dict() == {"c": "", "w": log_integrity.NEGATIVE_NOTE} | {
        key: "" for key in latency.index if pd.isna(key)
    }


@pytest.mark.parametrize(("zone", "times"), [("UTC", [1, 2]), ("Asia/Kathmandu", [0.25, 2.75])])
def test_outage_is_one_and_its_time_is_split_at_local_midnight(zone: str, times: list[float]) -> None:
    """From 18:00 to 21:00 UTC it is one outage, on the day it began."""
    begins = rows.NOON + (11 if zone == "UTC" else 6) * HOUR_US
    frame = report(Log(outages=[Outage(3, begins, begins + 3 * HOUR_US)]), by="day", zone=zone)
    outages = frame[frame["measure"] == "outages"]
    assert outages["measured_count"].tolist() == [1, 0]
    assert [time / 3_600_000 for time in outages["time_ms"]] == times


def test_commands_are_none_until_there_are_some() -> None:
    """The audit of commands has its columns, and says that there is nothing on record."""
    run = reports.execute("command_audit", rows.engine(), from_="2026-10-02", to="2026-10-04")
    assert run.frame.empty
    assert run.note == "no commands on record"
    assert "actor" in run.frame.columns


def test_time_that_outages_share_counts_once() -> None:
    """One that was found and others that were declared over part of it, the same and more of it."""
    begins = rows.NOON - 6 * HOUR_US
    spans = [(0, 3), (1, 2), (0, 3), (2, 4), (6, 7)]
    declared = [Outage(n, begins + a * HOUR_US, begins + b * HOUR_US) for n, (a, b) in enumerate(spans)]
    frame = report(Log(outages=declared))
    (outages,) = frame[frame["measure"] == "outages"].to_dict("records")
    assert (outages["measured_count"], outages["time_ms"]) == (5, 5 * 3_600_000)
