"""What would be: past calls folded again as if another policy had been in force all along. Nothing is written.

Only sessions with a leg that the other policy would judge by other values are folded, under both.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from calls import fold, instants
from calls.event import Event
from calls.instants import Instant
from calls.policies import AsIf, Policies, Version
from calls.policy import About
from calls.records import Coverage
from projections import circumstances, project
from store import statements

EXAMPLES_MAX = 5
SESSIONS_PER_FOLD = 500
LEGS_PER_READ = 10_000

Progress = Callable[[int, int], object]
"""Called with (sessions folded, sessions in all)."""


@dataclass(frozen=True, slots=True, order=True)
class Outcome:
    """What is said of a leg: its verdict, and whether it was recorded where it must not be."""

    verdict: str
    over_recorded: bool


@dataclass(frozen=True, slots=True)
class Change:
    """So many legs of which something else would be said; ``examples`` are some, as (session, leg)."""

    was: Outcome
    would_be: Outcome
    legs: int
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Of so many legs, what would change."""

    legs: int
    changes: tuple[Change, ...]

    @property
    def changed(self) -> int:
        """How many legs would."""
        return sum(change.legs for change in self.changes)


@dataclass(slots=True)
class _Asked:
    """Legs that were asked about, and of those the ones to look at, by session."""

    legs: int = 0
    by_session: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def compare(
    connection: psycopg.Connection[Any],
    version: Version,
    since: Instant,
    as_of: Instant,
    progress: Progress | None = None,
) -> Answer:
    """Compare the verdicts of all legs from ``since`` on with those by a version, both as of one instant.

    Reads one snapshot if the caller's transaction does.
    """
    with connection.cursor(binary=True) as cursor:
        policies = circumstances.policies(cursor)
        asked = _asked(connection, policies, version, since)
        found: dict[tuple[Outcome, Outcome], list[tuple[str, str]]] = defaultdict(list)
        names = sorted(asked.by_session)
        for start in range(0, len(names), SESSIONS_PER_FOLD):
            chunk = names[start : start + SESSIONS_PER_FOLD]
            for was, would_be in _folded(cursor, chunk, (policies, AsIf(version)), as_of):
                if was.call_leg_id in asked.by_session[was.call_session_id] and _outcome(was) != _outcome(would_be):
                    found[_outcome(was), _outcome(would_be)].append((was.call_session_id, was.call_leg_id))
            if progress is not None:
                progress(start + len(chunk), len(names))
    changes = [Change(*both, len(legs), tuple(legs[:EXAMPLES_MAX])) for both, legs in sorted(found.items())]
    return Answer(asked.legs, tuple(changes))


def _asked(connection: psycopg.Connection[Any], policies: Policies, version: Version, since: Instant) -> _Asked:
    """Find the sessions with a leg that the version judges by other values than it was."""
    asked = _Asked()
    with connection.cursor(name="judged_legs", binary=True) as cursor:  # fetched in parts: there may be millions
        cursor.itersize = LEGS_PER_READ
        cursor.execute(statements.load("projections", "judged_legs"), {"since": instants.to_datetime(since)})
        for session, leg, connection_id, direction, from_number, to_number, tags, number, rule in cursor:
            about = About(connection_id, direction, from_number, to_number, tuple(tags))
            asked.legs += 1
            if policies.named(number, rule) != version.content.judge(about, version.version).policy:
                asked.by_session[session].add(leg)
    return asked


def _folded(
    cursor: psycopg.Cursor[Any], names: Sequence[str], judges: tuple[Policies, AsIf], as_of: Instant
) -> Iterator[tuple[Coverage, Coverage]]:
    """Fold sessions by both judges; gives the rows of each leg side by side."""
    loaded: dict[str, list[Event]] = project.load(cursor, list(names))
    outages = circumstances.outages(cursor, loaded)
    for events in loaded.values():
        met = outages.meeting(events)
        was, would_be = (fold.fold(events, as_of, judge, outages=met).coverage for judge in judges)
        yield from zip(was, would_be, strict=True)


def _outcome(row: Coverage) -> Outcome:
    return Outcome(row.verdict, "over_recorded" in row.flags)
