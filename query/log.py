"""What the log holds, counted: the figures that stand in every report's header (domain 8b, "Log counts")."""

from typing import Any

import psycopg

from projections import log_counts, project
from store import statements


def stats(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Count the log. Positions are those of the next event: everything before them is there, or projected.

    ``system`` counts what the program itself put on the record (trusted keys, outages ...), and nothing else does.
    """
    counts = log_counts.by_kind(connection)
    delivered = log_counts.deliveries(connection)
    semantic = connection.execute(statements.load("query", "count_semantic_duplicates")).fetchone()
    assert semantic is not None
    return {
        "stored": counts.pop("stored"),
        "duplicate_deliveries": delivered["duplicate_deliveries"],
        "id_conflicts": delivered["id_conflicts"],
        "semantic_duplicates": semantic[0],
        **counts,
        "rejected": delivered["rejected"],
        "outages": delivered["outages"],
        "position": delivered["position"],
        "projected_position": project.projected_position(connection),
    }
