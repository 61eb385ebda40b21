"""What a report's figures rest on: the log they were read from, how complete it is, and by which policies they judge.

Read with the right to read the log (the auditor's or the worker's). ``tree_root``, ``as_of`` and ``policies`` follow
from the log and come out the same whenever they are asked for; ``verification`` and ``completeness`` are what was
known at the time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from calls import instants
from projections import log_counts
from reports import policies
from reports.as_of import AsOf
from reports.calendar import Period, segments
from reports.headers import NOT_VERIFIED
from store import tree, verifications


def gather(connection: psycopg.Connection[Any], as_of: AsOf, period: Period) -> dict[str, Any]:
    """Give the ``evidence`` of a run over a period. Raises TreeIncomplete where the log is smaller."""
    return {
        **inputs(connection, as_of, period),
        "verification": verification(connection),
        "completeness": completeness(connection, as_of.position),
    }


def inputs(connection: psycopg.Connection[Any], as_of: AsOf, period: Period) -> dict[str, Any]:
    """Give what of the evidence follows from the log below a position, and from nothing else."""
    within = segments(period)
    return {
        "tree_root": tree.root(connection, as_of.position).hex(),
        "as_of": instants.to_text(as_of.instant),
        # A zone may have skipped every day of a period: then nothing was judged in it.
        "policies": policies.in_force(connection, as_of.position, within[0].start_us, within[-1].end_us)
        if within
        else [],
    }


def verification(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Say what the last verification found, of which positions, and whether it checked signatures."""
    found = verifications.last(connection)
    if found is None:
        return dict(NOT_VERIFIED)
    verified_at = instants.to_text(instants.from_datetime(found.verified_at))
    return {
        "result": found.result,
        "position": found.position,
        "verified_at": verified_at,
        "signatures": found.signatures,
        "since": found.since,
    }


def completeness(connection: psycopg.Connection[Any], position: int) -> dict[str, int]:
    """Count what the log holds below a position, and what was refused at the door so far."""
    kinds, delivered = log_counts.by_kind(connection, position), log_counts.deliveries(connection, position)
    return {
        "events": kinds["stored"],
        "duplicate_deliveries": delivered["duplicate_deliveries"],
        "id_conflicts": delivered["id_conflicts"],
        "quarantined": kinds["quarantined"],
        "unattributed": kinds["unattributed"],
        "rejected": delivered["rejected"],
        "outages": delivered["outages"],
        "late_events": log_counts.late(connection, position),
        "unfolded_sessions": 0,
    }


def without(gathered: Mapping[str, Any], sessions: Sequence[str]) -> dict[str, Any]:
    """Give evidence that counts the sessions which could not be folded: no figure has their calls."""
    return {**gathered, "completeness": {**gathered["completeness"], "unfolded_sessions": len(sessions)}}
