"""What was refused at the door: how much, by day and reason, and each refusal without its bytes."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from store import rejections, statements

LIMIT_DEFAULT = 50


def counts(connection: psycopg.Connection[Any], since: datetime | None, reason: str | None) -> list[dict[str, Any]]:
    """Count what was refused by UTC day and reason, the last day first; ``since`` means from its day on."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(statements.load("query", "count_rejections"), {"since": since, "reason": reason})
        return cursor.fetchall()


def latest(
    connection: psycopg.Connection[Any], since: datetime | None, reason: str | None, limit: int
) -> list[dict[str, Any]]:
    """Give the refusals that came last, and of each whether it could be readmitted."""
    given = {"since": since, "reason": reason, "limit": limit, "evidence": rejections.EVIDENCE_REASON}
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(statements.load("query", "list_rejections"), given)
        return cursor.fetchall()
