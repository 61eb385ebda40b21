"""What was refused at the door: counted always, kept with its bytes while the day's quotas have room.

Quotas are of a UTC day, a reason and an address. When one is full, newer refusals are only counted; older ones are
never evicted, so a flood cannot wash away what came before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import class_row

from store import statements

REASON_BYTES_MAX_DEFAULT = 64 * 2**20
ADDRESS_BYTES_MAX_DEFAULT = 4 * 2**20
"""Bytes kept a day and reason, of all addresses and of one."""

EVIDENCE_REASON = "signature_mismatch"
EVIDENCE_FACTOR = 4
"""What may turn out to be genuine, once the right key is known, has so many times the room."""

ADDRESSES_MAX_DEFAULT = 1_000
"""Addresses told apart a day and reason; refusals from further ones are counted as from 'other'."""

ROW_BYTES = 1_024
"""What a row counts for beside its body: else refusals without one would never fill a quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One refused delivery. ``body`` is masked, and None where it held something guessable.

    ``sealed_body`` is the exact bytes, encrypted, where something was masked that is not guessable. ``network`` is
    what its address is counted as.
    """

    received_at: datetime
    remote_address: str
    network: str
    reason: str
    body: bytes | None
    body_bytes: int
    content_type: str | None
    signed_timestamp: str | None
    signature: str | None
    sealed_body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is kept of a refused delivery that may prove genuine."""

    rejection_id: int
    received_at: datetime
    remote_address: str
    reason: str
    body: bytes | None
    content_type: str | None
    signed_timestamp: str | None
    signature: str | None
    sealed_body: bytes | None


class Counted(NamedTuple):
    """What refusals are counted by."""

    utc_day: date
    reason: str
    network: str


def keep(
    connection: psycopg.Connection[Any], rejections: Iterable[Rejection], counts: Mapping[Counted, int] | None = None
) -> None:
    """Count and, within the quotas, keep the rejections, and add what was only counted; all in one transaction."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(statements.load("store", "take_rejection_turn"))
        statement = statements.load("store", "keep_rejection")
        cursor.executemany(statement, [{**asdict(each), **_limits(each)} for each in rejections])
        cursor.executemany(
            statements.load("store", "count_rejections"),
            [
                {**counted._asdict(), "refused": refused, "addresses_max": ADDRESSES_MAX_DEFAULT}
                for counted, refused in (counts or {}).items()
            ],
        )


def _limits(rejection: Rejection) -> dict[str, int]:
    factor = EVIDENCE_FACTOR if rejection.reason == EVIDENCE_REASON else 1
    return {
        "row_bytes": ROW_BYTES + len(rejection.body or b"") + len(rejection.sealed_body or b""),
        "reason_bytes_max": factor * REASON_BYTES_MAX_DEFAULT,
        "address_bytes_max": factor * ADDRESS_BYTES_MAX_DEFAULT,
        "addresses_max": ADDRESSES_MAX_DEFAULT,
    }


def count_held(connection: psycopg.Connection[Any]) -> int:
    """Count what may prove genuine and was not readmitted."""
    row = connection.execute(statements.load("store", "count_held"), {"reason": EVIDENCE_REASON}).fetchone()
    assert row is not None
    return row[0]


def held(connection: psycopg.Connection[Any], after: int, limit: int) -> list[Held]:
    """Give what may prove genuine and was not readmitted, in the order it came, from beyond an id on."""
    with connection.cursor(row_factory=class_row(Held), binary=True) as cursor:
        cursor.execute(
            statements.load("store", "read_held"), {"reason": EVIDENCE_REASON, "after": after, "limit": limit}
        )
        return cursor.fetchall()


def claim_held(connection: psycopg.Connection[Any], rejection_ids: Sequence[int]) -> set[int]:
    """Give which of them nobody else readmitted, and hold those until the transaction ends."""
    claimed = connection.execute(statements.load("store", "claim_held"), {"rejection_ids": list(rejection_ids)})
    return {rejection_id for (rejection_id,) in claimed}


def mark_readmitted(connection: psycopg.Connection[Any], rejection_ids: Sequence[int]) -> None:
    """Note that they are in the log now."""
    connection.execute(statements.load("store", "mark_readmitted"), {"rejection_ids": list(rejection_ids)})
