"""What the log holds below a position, counted (domain 8b, "Log counts")."""

from typing import Any

import psycopg

from calls import catalogue, envelope
from calls.policy import DEFAULT
from store import statements

LATE_US = DEFAULT.late_grace_us
"""An event is late when it was received more than this after it occurred: the usual grace of the policy."""

KINDS = ("stored", "quarantined", "unattributed", "unknown_type", "aliased_type", "system")


def by_kind(connection: psycopg.Connection[Any], end: int | None = None) -> dict[str, int]:
    """Count the events below ``end`` (None: all) by what their types and bodies make them.

    ``system`` counts what the program itself put on the record (trusted keys, outages, commands ...), and nothing else.
    """
    counts: dict[str, int] = dict.fromkeys(KINDS, 0)
    rows = connection.execute(statements.load("store", "count_log"), {"end": end})
    for said_by_us, event_type, quarantined, stored in rows:
        for name in ["system"] if said_by_us else _kinds(event_type, quarantined=quarantined):
            counts[name] += stored
    return counts


def deliveries(connection: psycopg.Connection[Any], end: int | None = None) -> dict[str, int]:
    """Count deliveries beyond the first, ids that say two things, refusals (of all time) and outages."""
    row = connection.execute(statements.load("store", "count_deliveries"), {"end": end}).fetchone()
    assert row is not None
    names = ("duplicate_deliveries", "id_conflicts", "rejected", "outages", "position")
    return dict(zip(names, row, strict=True))


def late(connection: psycopg.Connection[Any], end: int) -> int:
    """Count events below ``end`` that were late; the program's own are none."""
    row = connection.execute(statements.load("store", "count_late"), {"end": end, "grace_us": LATE_US}).fetchone()
    assert row is not None
    return row[0]


def _kinds(event_type: str | None, *, quarantined: bool) -> list[str]:
    kinds = ["stored"]
    if quarantined:
        kinds.append("quarantined")
    if event_type is None:
        return kinds
    kind = envelope.kind_of(event_type)
    if kind != event_type:
        kinds.append("aliased_type")
    if kind not in catalogue.KNOWN:
        kinds.append("unknown_type")
    if not catalogue.about_leg(kind):
        kinds.append("unattributed")
    return kinds
