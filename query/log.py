"""What the log holds, counted: the figures that stand in every report's header (domain 8b, "Log counts")."""

from typing import Any

import psycopg

from calls import catalogue, envelope
from projections import project
from store import statements


def stats(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Count the log. Positions are those of the next event: everything before them is there, or projected.

    ``system`` counts what the program itself put on the record (trusted keys, outages ...), and nothing else does.
    """
    counts = dict.fromkeys(("stored", "quarantined", "unattributed", "unknown_type", "aliased_type", "system"), 0)
    for said_by_us, event_type, quarantined, stored in connection.execute(statements.load("store", "count_log")):
        for name in ["system"] if said_by_us else _kinds(event_type, quarantined=quarantined):
            counts[name] += stored
    row = connection.execute(statements.load("store", "count_deliveries")).fetchone()
    semantic = connection.execute(statements.load("query", "count_semantic_duplicates")).fetchone()
    assert row is not None
    assert semantic is not None
    return {
        "stored": counts.pop("stored"),
        "duplicate_deliveries": row[0],
        "id_conflicts": row[1],
        "semantic_duplicates": semantic[0],
        **counts,
        "rejected": row[2],
        "outages": row[3],
        "position": row[4],
        "projected_position": project.projected_position(connection),
    }


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
