"""Whether the log can hold everything that was sent: a verdict of its own, for an intact log may still have gaps.

It rests on heartbeats, which processes write about themselves and no checkpoint covers: good for finding an honest
failure, no proof against who can write to the database.
"""

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row

from store import heartbeats, statements
from store.provenance import Open
from store.telnyx_keys import TelnyxKey

_EVER = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Cover:
    begins: datetime | None
    ends: datetime | None
    gaps: int
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """What is known of a period: from the first sign in it that webhooks could be taken to the last.

    ``gaps`` are breaks in the heartbeats, ``outages`` those on record in the log, ``waiting_since`` is when the oldest
    event was received that a process answered, did not append, and left, or when one fell silent that may have;
    ``readmissible`` counts refused deliveries that a key known now signed, ``set_aside`` what was answered and the log
    will never take.
    """

    begins: datetime | None
    ends: datetime | None
    outages: int
    gaps: int
    waiting_since: datetime | None
    readmissible: int
    set_aside: int = 0

    @property
    def verdict(self) -> Literal["complete", "incomplete", "unknown"]:
        """Say it in a word; ``unknown``: nobody says that webhooks could be taken at any time of the period."""
        if self.outages or self.gaps or self.waiting_since is not None or self.readmissible or self.set_aside:
            return "incomplete"
        return "unknown" if self.begins is None else "complete"


def judge(
    connection: psycopg.Connection[Any],
    begins: datetime | None,
    outages: int,
    keys: Collection[TelnyxKey],
    open_sealed: Open | None = None,
) -> Completeness:
    """Judge the time from ``begins`` on (None: all of it), in which the log has so many outages on record."""
    bounds = {
        "begins": begins or _EVER,
        "silent": heartbeats.SILENT_AFTER,
        "settled": heartbeats.SETTLED_AFTER,
    }
    with connection.cursor(row_factory=class_row(_Cover)) as cursor:
        cover = cursor.execute(statements.load("store", "ingest_cover"), bounds).fetchone()
    assert cover is not None
    return Completeness(
        begins=cover.begins,
        ends=cover.ends,
        outages=outages,
        gaps=cover.gaps,
        waiting_since=cover.waiting_since,
        readmissible=_readmissible(connection, begins or _EVER, keys, open_sealed),
    )


def _readmissible(
    connection: psycopg.Connection[Any], begins: datetime, keys: Collection[TelnyxKey], open_sealed: Open | None
) -> int:
    refused = connection.execute(statements.load("store", "readmissible"), {"begins": begins}, binary=True)
    found = 0
    for signed_timestamp, signature, body, sealed in refused:
        original = body if sealed is None else open_sealed(sealed) if open_sealed else None
        made = _decoded(signature)
        if original is not None and made is not None:
            message = signed_timestamp.encode() + b"|" + original
            found += any(key.made(made, message) for key in keys)
    return found


def _decoded(signature: str) -> bytes | None:
    try:
        return base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
