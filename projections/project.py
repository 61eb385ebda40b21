"""The projector: the log becomes tables people can query.

One step is one transaction: read the next events, register them with their sessions, fold **all** events of each
session that changed or is due for review, write the rows that differ, and move the progress. A crash at any point
leaves the tables as they were, and the step runs again. Policies and outages that the log tells of are kept on the way,
and the sessions that they concern are put off to be folded again.

A session is folded at most once a second while its events pour in; the rest of its events are put off, and
``projected_position`` says from where on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from calls import fold, instants, stored
from calls.event import Event
from calls.instants import Instant
from calls.policy import DEFAULT, Policy
from calls.policy_file import PolicyRefused
from calls.records import CallRecord
from projections import circumstances, sessions, write
from store import append, read, statements

EVENTS_PER_STEP_DEFAULT = 2_000
SESSIONS_PER_STEP_MAX = 1_000
FOLD_INTERVAL_US = instants.SECOND
RETRY_US = 60 * instants.SECOND


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: events read, sessions folded, and the position it has come to."""

    events: int
    sessions: int
    position: int


def connect(url: str) -> psycopg.Connection[Any]:
    """Open a connection for the projector."""
    connection = psycopg.connect(url, autocommit=True, application_name="callaudit projector", **append.SOON)
    # A projector whose host is gone must not keep the others waiting; one that waits must hear when to stop.
    connection.execute("SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '2s'")
    write.prepare(connection)
    return connection


@dataclass(slots=True)
class Projector:
    """Projects over one connection. ``now`` is the clock; ``policy`` judges every call that no applied version does.

    ``heard_until`` says until when the log is known to hold what could be heard: no call is judged later than that, for
    silence proves nothing while nobody listens. ``failed`` hears of each session that cannot be folded, and why; it is
    tried again a minute later. ``unreadable`` hears of each version of the policy that has no effect, and why.
    """

    connection: psycopg.Connection[Any]
    now: Callable[[], Instant]
    policy: Policy = DEFAULT
    events_per_step: int = EVENTS_PER_STEP_DEFAULT
    failed: Callable[[str, Exception], object] | None = None
    unreadable: Callable[[int, PolicyRefused], object] | None = None
    heard_until: Callable[[Instant], Instant] = lambda now: now
    _folded_at: dict[str, Instant] = field(default_factory=dict)

    def step(self) -> Step:
        """Do one step; with nothing new and nothing due it does nothing."""
        now = self.now()
        as_of = self.heard_until(now)
        with self.connection.transaction(), self.connection.cursor(binary=True) as cursor:
            position = lock(cursor)
            events = [from_stored(row) for row in read.since(self.connection, position, self.events_per_step)]
            touched = sessions.register(cursor, events) if events else {}
            refused = self._take_in(cursor, events, now)
            ready = self._put_off(cursor, touched, now)
            names = list(dict.fromkeys([*ready, *self._due(cursor, now, as_of)]))
            self._fold(cursor, names, events, touched, as_of)
            position += len(events)
            if events:
                cursor.execute(_sql("set_progress"), {"position": position})
            if names:
                cursor.execute(_sql("set_judged"), {"as_of": instants.to_datetime(as_of)})
        self._remember(names, now)
        self._complain(refused)
        return Step(len(events), len(names), position)

    def catch_up(self) -> int:
        """Step until all events are registered and nothing is due; gives the number of steps that did something."""
        steps = 0
        while True:
            done = self.step()
            if not done.events and not done.sessions:
                return steps
            steps += 1

    def fold_waiting(self, cursor: psycopg.Cursor[Any], as_of: Instant) -> None:
        """Fold, within the caller's transaction, every session that is due or was put off."""
        cursor.execute(_sql("waiting_reviews"), {"now": instants.to_datetime(as_of)})
        self._fold(cursor, [session for (session,) in cursor], (), {}, as_of)
        cursor.execute(_sql("set_judged"), {"as_of": instants.to_datetime(as_of)})

    def _take_in(
        self, cursor: psycopg.Cursor[Any], events: Sequence[Event], now: Instant
    ) -> Sequence[tuple[int, PolicyRefused]]:
        """Keep what the events say of policies and outages; calls that it concerns are folded in this step or later."""
        taken = circumstances.take_in(cursor, events)
        if taken.concerned:
            cursor.execute(_sql("add_reviews"), _in_columns(dict.fromkeys(taken.concerned, now), taken.concerned))
        return taken.refused

    def _complain(self, refused: Sequence[tuple[int, PolicyRefused]]) -> None:
        if self.unreadable is not None:
            for version, error in refused:
                self.unreadable(version, error)

    def _put_off(self, cursor: psycopg.Cursor[Any], touched: Mapping[str, int], now: Instant) -> list[str]:
        """Put off sessions that were folded within the last second; give the others."""
        wait_until = {
            session: self._folded_at[session] + FOLD_INTERVAL_US
            for session in touched
            if now - self._folded_at.get(session, 0) < FOLD_INTERVAL_US
        }
        if wait_until:
            cursor.execute(_sql("add_reviews"), _in_columns(wait_until, touched))
        return [session for session in touched if session not in wait_until]

    def _due(self, cursor: psycopg.Cursor[Any], now: Instant, as_of: Instant) -> list[str]:
        clocks = {"now": instants.to_datetime(now), "as_of": instants.to_datetime(as_of)}
        cursor.execute(_sql("due_reviews"), {**clocks, "limit": SESSIONS_PER_STEP_MAX})
        return [session for (session,) in cursor]

    def _fold(
        self,
        cursor: psycopg.Cursor[Any],
        names: list[str],
        fresh: Iterable[Event],
        touched: Mapping[str, int],
        as_of: Instant,
    ) -> None:
        if not names:
            return
        cursor.execute(_sql("clear_reviews"), {"sessions": names})
        unfolded = dict(touched)
        for session, position in cursor:
            unfolded[session] = min(position, unfolded.get(session, position))
        loaded = load(cursor, names, fresh)
        try:
            self._fold_together(cursor, names, loaded, as_of)
        except psycopg.OperationalError:
            raise
        except Exception:  # noqa: BLE001  one session must not keep the others waiting: find it
            for name in names:
                self._fold_alone(cursor, name, loaded, unfolded, as_of)

    def _fold_together(
        self, cursor: psycopg.Cursor[Any], names: Sequence[str], loaded: Mapping[str, list[Event]], as_of: Instant
    ) -> None:
        with cursor.connection.transaction():  # a savepoint
            folded = fold_all(cursor, {name: loaded[name] for name in names if name in loaded}, as_of, self.policy)
            write.replace(cursor, names, folded.values())
            cursor.execute(_sql("add_reviews"), reviews(folded))

    def _fold_alone(
        self,
        cursor: psycopg.Cursor[Any],
        name: str,
        loaded: Mapping[str, list[Event]],
        unfolded: Mapping[str, int],
        as_of: Instant,
    ) -> None:
        """Fold one session; if that fails its rows stay as they are, and it is tried again later."""
        try:
            write.unstage(cursor)
            self._fold_together(cursor, [name], loaded, as_of)
        except psycopg.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it is this session's alone
            if self.failed is not None:
                self.failed(name, error)
            cursor.execute(_sql("add_reviews"), _in_columns({name: self.now() + RETRY_US}, unfolded))

    def _remember(self, names: list[str], now: Instant) -> None:
        for session in names:
            self._folded_at[session] = now
        if len(self._folded_at) > 10 * SESSIONS_PER_STEP_MAX:
            recent = now - FOLD_INTERVAL_US
            self._folded_at = {name: at for name, at in self._folded_at.items() if at > recent}


def projected_position(connection: psycopg.Connection[Any]) -> int:
    """Give the first position that the read models may not show yet."""
    with connection.cursor() as cursor:
        return _one(cursor, "projected_position")


def oldest_unprojected(connection: psycopg.Connection[Any], position: int) -> datetime | None:
    """Say when the event at that position was received, the first that is not projected; None: all are."""
    row = connection.execute(_sql("oldest_unprojected"), {"position": position}).fetchone()
    return None if row is None else row[0]


def from_stored(row: read.Stored) -> Event:
    """Decode a log row into the event it holds."""
    return stored.event(row.position, row.source, instants.from_datetime(row.received_at), row.body)


def load(cursor: psycopg.Cursor[Any], names: list[str], fresh: Iterable[Event] = ()) -> dict[str, list[Event]]:
    """Load all events of the named sessions; ``fresh`` are events already at hand. Empty sessions have none."""
    at_hand = {event.position: event for event in fresh}
    cursor.execute(_sql("session_positions"), {"sessions": names})
    members: list[tuple[str, int]] = cursor.fetchall()
    missing = sorted({position for _, position in members} - at_hand.keys())
    at_hand.update({row.position: from_stored(row) for row in read.at(cursor.connection, missing)})
    loaded: dict[str, list[Event]] = {}
    for session, position in members:
        loaded.setdefault(session, []).append(at_hand[position])
    return loaded


def fold_all(
    cursor: psycopg.Cursor[Any],
    loaded: Mapping[str, Sequence[Event]],
    as_of: Instant,
    policy: Policy,
    schema: circumstances.Schema = "calls",
) -> dict[str, CallRecord]:
    """Fold sessions by the policies and outages that the schema has; ``policy`` judges what no version there does."""
    judge = circumstances.policies(cursor, policy, schema)
    outages = circumstances.outages(cursor, loaded, schema)
    return {
        name: fold.fold_with_history(events, as_of, judge, outages=outages.meeting(events))
        for name, events in loaded.items()
    }


def lock(cursor: psycopg.Cursor[Any]) -> int:
    """Keep every projector waiting until the transaction ends; gives the first position not yet registered."""
    return _one(cursor, "lock_progress")


def reviews(folded: Mapping[str, CallRecord]) -> dict[str, list[Any]]:
    """Say when which sessions are to be folded again because time alone may change them, in columns."""
    due_at = {session: record.review_at for session, record in folded.items() if record.review_at is not None}
    return _in_columns(due_at, {})


def _in_columns(due_at: Mapping[str, Instant], unfolded: Mapping[str, int]) -> dict[str, list[Any]]:
    return {
        "sessions": list(due_at),
        "due_at": [instants.to_datetime(min(at, instants.LAST)) for at in due_at.values()],
        "unfolded": [unfolded.get(session) for session in due_at],
    }


def _one(cursor: psycopg.Cursor[Any], name: str) -> int:
    row = cursor.execute(_sql(name)).fetchone()
    assert row is not None
    return row[0]


def _sql(name: str) -> Any:
    return statements.load("projections", name)
