"""How the log stands: how far it goes, how far it is sealed, and who is at work on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from store import heartbeats, statements

WORK = ("project", "seal")
"""The worker's duties."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The log at one moment. ``position`` is that of the next event; those before ``sealed`` are under a checkpoint.

    ``beats`` has the newest beat of each duty; a duty that nobody was ever at is not there.
    """

    position: int
    sealed: int
    beats: Mapping[str, heartbeats.Beat]

    def silent_since(self, duty: str, now: datetime) -> datetime | None:
        """Say since when nobody is at a duty of which there is a beat; None: somebody is."""
        beat = self.beats[duty]
        late = beat.stopped or now - beat.alive_at > heartbeats.SILENT_AFTER
        return beat.alive_at if late else None

    def waiting_since(self, duty: str) -> datetime | None:
        """Say since when the oldest event waits for a duty; None: none does, or nobody was ever at it.

        Where the last beat knew of none that came since, that beat is the earliest it can have come.
        """
        beat = self.beats.get(duty)
        if beat is None:
            return None
        done = self.sealed if duty == "seal" else beat.position
        if done is None or done >= self.position:
            return None
        return beat.oldest_waiting or beat.alive_at


def look(connection: psycopg.Connection[Any]) -> Standing:
    """See how the log stands; a role that may append is enough."""
    beats = heartbeats.latest(connection)
    row = connection.execute(statements.load("store", "sealed_size")).fetchone()
    assert row is not None
    known = max(row[0] - 1, 0)  # lets the planner look at the last partitions alone
    head = connection.execute(statements.load("store", "head_from"), {"known": known}).fetchone()
    assert head is not None
    return Standing(position=head[0], sealed=row[0], beats=beats)
