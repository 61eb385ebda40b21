"""What was refused at the door: counted always, kept with its bytes while the day's quotas have room.

When a quota is full, newer refusals are only counted; older ones are never evicted, so a flood cannot wash away
what came before it.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg

from store import statements

REASON_BYTES_MAX_DEFAULT = 64 * 2**20
ADDRESS_BYTES_MAX_DEFAULT = 4 * 2**20
ADDRESSES_MAX_DEFAULT = 1_000
"""Addresses told apart a day and reason; refusals from further ones are counted as from 'other'."""

ROW_BYTES = 1_024
"""What a row counts for beside its body: else refusals without one would never fill a quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One refused delivery. ``body`` is masked, and None where it held something guessable."""

    received_at: datetime
    remote_address: str
    reason: str
    body: bytes | None
    body_bytes: int
    content_type: str | None
    signed_timestamp: str | None
    signature: str | None


def keep(connection: psycopg.Connection[Any], rejections: Iterable[Rejection]) -> None:
    """Count and, within the quotas, keep the rejections; all in one transaction."""
    limits = {
        "reason_bytes_max": REASON_BYTES_MAX_DEFAULT,
        "address_bytes_max": ADDRESS_BYTES_MAX_DEFAULT,
        "addresses_max": ADDRESSES_MAX_DEFAULT,
    }
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(statements.load("store", "take_rejection_turn"))
        statement = statements.load("store", "keep_rejection")
        cursor.executemany(
            statement, [{**asdict(each), **limits, "row_bytes": _row_bytes(each)} for each in rejections]
        )


def _row_bytes(rejection: Rejection) -> int:
    return ROW_BYTES + len(rejection.body or b"")
