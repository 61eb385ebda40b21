"""Which policies judged the calls of a period, by what the log says below a position."""

from typing import Any

import psycopg

from calls import instants
from calls.instants import Instant
from calls.policy_file import PolicyRefused
from projections import circumstances, project
from projections.circumstances import Applied
from store import read

BUILT_IN = {"version": 0, "sha256": None, "in_force_at": None}
"""What judges before any policy was applied; it belongs to the program's version."""


def applied(connection: psycopg.Connection[Any], position: int) -> list[Applied]:
    """Give every version that was applied below a position."""
    return circumstances.applied(map(project.from_stored, read.system(connection, 0, position)))


def in_force(connection: psycopg.Connection[Any], position: int, start: Instant, end: Instant) -> list[dict[str, Any]]:
    """Give the versions that were in force at some instant of ``[start, end)``, the built-in one as version 0."""
    versions = [each for each in applied(connection, position) if _is_readable(each)]
    later = [each for each in versions if start < each.in_force_at < end]
    before = [each for each in versions if each.in_force_at <= start]
    return [_described(before[-1]) if before else BUILT_IN, *map(_described, later)]


def _is_readable(version: Applied) -> bool:
    """Tell whether a version has an effect."""
    try:
        version.content()
    except PolicyRefused:
        return False
    return True


def _described(version: Applied) -> dict[str, Any]:
    in_force_at = instants.to_text(version.in_force_at)
    return {"version": version.version, "sha256": version.sha256, "in_force_at": in_force_at}
