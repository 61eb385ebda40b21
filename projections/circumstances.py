"""What the log holds beside calls: versions of the policy, and outages; and which calls they are about.

Only what the program itself put on the record counts. Each is kept in its table by whoever reads its event, and calls
that it may judge otherwise are folded again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from typing import Any, Literal, LiteralString, TypeAlias

import psycopg

from calls import instants, policy_file
from calls.event import Event
from calls.instants import Instant
from calls.policies import Content, Policies, Version
from calls.policy import DEFAULT, Policy
from store import statements, system

Schema: TypeAlias = Literal["calls", "rebuild"]

REACH_US = (2 * policy_file.MS_MAX + 1) * instants.MILLISECOND
"""No call is waited for longer than this after its last event, whatever its policy: stale, and the late grace."""

Outage: TypeAlias = tuple[Instant, Instant]


@dataclass(frozen=True, slots=True)
class Applied:
    """A version of the policy as the log has it, readable or not."""

    version: int
    position: int
    in_force_at: Instant
    sha256: str
    document: str

    def content(self) -> Content:
        """Give what it says. Raises PolicyRefused: then the version has no effect, and the one before stays in force.

        That is a text which is not the one it says it is, or one that a later program wrote.
        """
        return _content(self.document, self.sha256)


@dataclass(frozen=True, slots=True)
class Declared:
    """Time in which nobody could take webhooks, as the log has it."""

    position: int
    began_at: Instant
    ended_at: Instant
    reason: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What new events brought.

    ``concerned`` are sessions to fold again, each with the first position because of which; ``refused`` are versions of
    the policy that cannot be read, with why.
    """

    concerned: Mapping[str, int] = field(default_factory=dict[str, int])
    refused: tuple[tuple[int, policy_file.PolicyRefused], ...] = ()


class Outages:
    """Outages, found by the time that they meet."""

    def __init__(self, outages: Iterable[Outage] = ()) -> None:
        self._outages = sorted(outages)
        self._ended_by = list(accumulate((end for _, end in self._outages), max))

    def meeting(self, events: Iterable[Event]) -> tuple[Outage, ...]:
        """Give those that may concern a session, in order."""
        begins, ends = _reach(events)
        first = bisect_right(self._ended_by, begins)
        end = bisect_left(self._outages, (ends, ends))
        return tuple(each for each in self._outages[first:end] if each[1] > begins)


def applied(events: Iterable[Event], after: int = 0) -> list[Applied]:
    """Give the versions that the events put in force, numbered on from ``after``."""
    found = (event for event in events if event.source == system.SOURCE and event.event_type == system.POLICY_APPLIED)
    return [
        Applied(
            version=version,
            position=event.position,
            in_force_at=event.received_at if event.occurred_at is None else event.occurred_at,
            sha256=_text(event.payload.get("sha256")) or "",
            document=_text(event.payload.get("document")) or "",
        )
        for version, event in enumerate(found, after + 1)
    ]


def declared(events: Iterable[Event]) -> list[Declared]:
    """Give the outages that the events declare; one that names no stretch of time is none."""
    found: list[Declared] = []
    for event in events:
        if event.source == system.SOURCE and event.event_type == system.OUTAGE:
            begins, ends = (instants.parse(event.payload.get(key)) for key in ("from", "to"))
            if begins is not None and ends is not None and begins < ends:
                found.append(Declared(event.position, begins, ends, _text(event.payload.get("reason"))))
    return found


def judges(versions: Iterable[Applied], built_in: Policy = DEFAULT) -> Policies:
    """Give what the versions judge by; one that cannot be read has no effect."""
    readable: list[Version] = []
    for each in versions:
        try:
            readable.append(Version(each.version, each.in_force_at, each.content()))
        except policy_file.PolicyRefused:
            continue
    return Policies(tuple(readable), built_in)


def take_in(cursor: psycopg.Cursor[Any], events: Iterable[Event], schema: Schema = "calls") -> Taken:
    """Keep what new events say of policies and outages, and say what that concerns; within the caller's transaction."""
    said = [event for event in events if event.source == system.SOURCE]
    versions, outages = applied(said, _last_version(cursor, schema)) if said else [], declared(said)
    _keep(cursor, _sql("add_policies", schema), versions)
    _keep(cursor, _sql("add_outages", schema), outages)
    concerned: dict[str, int] = {}
    refused: list[tuple[int, policy_file.PolicyRefused]] = []
    for version in versions:
        try:
            version.content()
        except policy_file.PolicyRefused as error:
            refused.append((version.version, error))
            continue
        cursor.execute(_sql("sessions_judged_since", schema), {"since": instants.to_datetime(version.in_force_at)})
        _note(concerned, cursor, version.position)
    grace_us = policies(cursor, schema=schema).late_grace_us if outages else 0
    for outage in outages:
        cursor.execute(_sql("sessions_in_outage", schema), _moments(outage, grace_us))
        _note(concerned, cursor, outage.position)
    return Taken(concerned, tuple(refused))


def policies(cursor: psycopg.Cursor[Any], built_in: Policy = DEFAULT, schema: Schema = "calls") -> Policies:
    """Give what calls are judged by, as kept."""
    cursor.execute(_sql("policies", schema))
    return judges((Applied(*row) for row in cursor.fetchall()), built_in)


def outages(cursor: psycopg.Cursor[Any], loaded: Mapping[str, Sequence[Event]], schema: Schema = "calls") -> Outages:
    """Give the outages, as kept, that may concern any of these sessions."""
    reaches = [_reach(events) for events in loaded.values()]
    begins, ends = min((b for b, _ in reaches), default=0), max((e for _, e in reaches), default=0)
    between = {"begins": instants.to_datetime(begins), "ends": instants.to_datetime(ends)}
    cursor.execute(_sql("outages_between", schema), between)
    return Outages(cursor.fetchall())


def _reach(events: Iterable[Event]) -> tuple[Instant, Instant]:
    """Give the time in which an outage may concern a session; empty where no event has a time."""
    moments = [event.occurred_at for event in events if event.occurred_at is not None]
    return (min(moments), min(max(moments) + REACH_US, instants.LAST)) if moments else (0, 0)


def _moments(outage: Declared, grace_us: int) -> dict[str, Any]:
    """Give the bounds of the sessions that an outage may concern."""
    bounds = {
        "ended_at": outage.ended_at,
        "graced_at": outage.began_at - grace_us,
        "reached_at": outage.began_at - REACH_US,
    }
    return {name: instants.to_datetime(max(at, instants.FIRST)) for name, at in bounds.items()}


def _note(concerned: dict[str, int], found: Iterable[tuple[str]], position: int) -> None:
    for (session,) in found:
        concerned[session] = min(position, concerned.get(session, position))


def _keep(cursor: psycopg.Cursor[Any], statement: LiteralString, rows: Sequence[Applied] | Sequence[Declared]) -> None:
    """Insert rows, given column by column, with instants as the database takes them."""
    if rows:
        columns = {each.name: [getattr(row, each.name) for row in rows] for each in fields(rows[0])}
        moments = {name: map(instants.to_datetime, its) for name, its in columns.items() if name.endswith("_at")}
        cursor.execute(statement, columns | {name: list(its) for name, its in moments.items()})


@lru_cache(maxsize=256)
def _content(document: str, digest: str) -> Content:
    if sha256(document.encode()).hexdigest() != digest:
        raise policy_file.PolicyRefused("policy_sha256_differs", 1, "this is not the text that was applied")
    return policy_file.read(policy_file.decode(document.encode()))


def _text(value: object) -> str | None:
    """Give a text as Postgres can keep it; anything else is None."""
    if not isinstance(value, str):
        return None
    return value.encode(errors="replace").decode().replace("\x00", "\ufffd")


def _last_version(cursor: psycopg.Cursor[Any], schema: Schema) -> int:
    row = cursor.execute(_sql("last_version", schema)).fetchone()
    assert row is not None
    return row[0]


def _sql(name: str, schema: Schema) -> LiteralString:
    """Give a statement, for a rebuild on its scratch tables."""
    return statements.load("projections", name).replace("calls.", f"{schema}.")
