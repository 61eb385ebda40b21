"""Verdicts of verifications, put on record so that a report can say when the log was last verified.

No proof of anything: whoever doubts verifies again.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from store import statements
from store.verify import Given, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A verdict on record: events from ``since`` up to, without, ``position`` were recomputed, and with what result.

    ``first_wrong`` is the reason of the first thing that is wrong; ``signatures`` says whether those were checked.
    """

    verified_at: datetime
    since: int
    position: int
    result: str
    completeness: str
    first_wrong: str | None
    signatures: bool


def recorded(verdict: Verdict, given: Given, verified_at: datetime) -> Recorded:
    """Give what is put on record of a verdict."""
    wrong = verdict.first_wrong
    return Recorded(
        verified_at=verified_at,
        since=verdict.since,
        position=verdict.size,
        result="intact" if wrong is None else "broken",
        completeness=verdict.completeness.verdict,
        first_wrong=None if wrong is None else wrong.reason,
        signatures=given.signatures,
    )


def record(connection: psycopg.Connection[Any], found: Recorded) -> None:
    """Put a verdict on record; needs the worker's rights."""
    connection.execute(statements.load("store", "add_verification"), asdict(found))


def last(connection: psycopg.Connection[Any]) -> Recorded | None:
    """Give the verdict that was put on record last."""
    with connection.cursor(row_factory=class_row(Recorded)) as cursor:
        return cursor.execute(statements.load("store", "last_verification")).fetchone()
