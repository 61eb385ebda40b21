"""A report as of then is what the live one was."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import reports
from calls import instants
from calls.event import Event
from reports import as_of, engines, errors, refold
from reports.as_of import AsOf
from store import heartbeats
from store.entry import Entry
from tests.conftest import Database
from tests.integration.projections import journal
from tests.integration.store import seals
from tests.unit.calls import made

PERIOD = {"from_": "1970-01-01", "to": "1970-01-02", "zone": "UTC"}
CLOCKS = [made.hours(hours) for hours in (0.001, 0.24, 0.26, 4.3, 30)]
"""Before and after what the default policy waits for."""


RULES = (
    '[[rule]]\nname = "a"\nconnection = "con-1"\nrecord = "must_not"\n',
    '[[rule]]\nname = "b"\ntag = "a"\nrecord = "free"\n[defaults]\nlate_grace_ms = 1_000\n',
    '[defaults]\nmin_duration_ms = 2\naccepted_sources = ["siprec"]\n',
)


@st.composite
def said(draw: st.DrawFn) -> list[Entry]:
    """Draw policies and outages that lie among the calls."""
    instant = st.integers(0, 12_000)
    policies = draw(st.lists(st.tuples(st.sampled_from(RULES), instant), max_size=3))
    outages = draw(st.lists(st.tuples(instant, st.integers(1, 9_000)), max_size=2))
    entries = [journal.policy(document, at) for document, at in policies]
    return draw(st.permutations([*entries, *(journal.outage(at, at + length) for at, length in outages)]))


def frames(source: engines.Engine | str) -> dict[str, list[list[str]]]:
    """Give every report and its trend, cell by cell, as text."""
    runs = {name: reports.execute(name, source, **PERIOD) for name in reports.TITLES}
    told = {name: run.frame for name, run in runs.items()}
    told |= {f"trend of {name}": run.trend for name, run in runs.items() if run.trend is not None}
    return {name: list(map(list, frame.astype(object).astype(str).to_numpy())) for name, frame in told.items()}


@settings(
    max_examples=4, deadline=None, phases=(Phase.generate,), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(parts=st.lists(made.sessions(), min_size=1, max_size=6), entries=said(), clock=st.sampled_from(CLOCKS))
def test_as_of_now_is_live(
    clone: Callable[[], Database], parts: list[list[Event]], entries: list[Entry], clock: int
) -> None:
    """Folded up to the head of the log as of an instant, every report says what it says live at that instant."""
    equal(clone(), parts, entries, clock)


def test_as_of_now_is_live_through_several_processes(
    clone: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where processes of their own read the log and fold it, by every policy and outage that it holds."""
    monkeypatch.setattr(refold, "EVENTS_PER_TASK", 20)
    chance = random.Random(20261031)
    parts = [a_call(chance) for _ in range(25)]
    entries = [journal.policy(document, 1_000 * n) for n, document in enumerate(RULES, 1)]
    equal(clone(), parts, [*entries, journal.outage(2_000, 5_000)], made.hours(30), processes=2)


def a_call(chance: random.Random) -> list[Event]:
    """Make a call, of which any event but the first may be lost."""
    begins = chance.randrange(12)
    its = {"connection_id": chance.choice(["con-1", "con-2"]), "tags": chance.choice([[], ["a"]])}
    kinds = ("call.answered", "siprec.started", "siprec.failed", "siprec.stopped", "call.refer.started", "call.hangup")
    told = [made.event(kind, begins + n, **its) for n, kind in enumerate(kinds, 1) if chance.random() < 0.7]
    return [made.event("call.initiated", begins, direction="incoming", **its), *told]


def equal(
    database: Database, parts: list[list[Event]], entries: list[Entry], clock: int, *, processes: int = 1
) -> None:
    """Hold live and as of now against each other, every report and every cell."""
    if entries:
        journal.say(database, *entries)
    bodies = [
        (journal.body(event, call_session_id=f"ses-{n}", call_leg_id=f"{event.call_leg_id}-{n}"), event.received_at)
        for n, part in enumerate(parts)
        for event in part
    ]
    if bodies:
        journal.write_bodies(database, bodies)
    projector = journal.projector(database, journal.Clock(clock), events_per_step=1_000_000)
    with projector.connection:
        projector.catch_up()
    head = journal.value(database, "SELECT count(*) FROM log.events")
    with as_of.folded(database.as_part("auditor"), AsOf(head, clock), processes=processes) as engine:
        assert frames(engine) == frames(database.as_part("analyst"))


def resolved(database: Database, asked: str, now: datetime) -> AsOf:
    """Read what was asked, as the auditor."""
    with psycopg.connect(database.as_part("auditor"), autocommit=True) as auditor:
        return as_of.resolve(auditor, asked, instants.from_datetime(now))


def heard(at: datetime) -> tuple[bytes, int]:
    """Make a delivery that was received then."""
    at_us = instants.from_datetime(at)
    return journal.body(made.event("call.initiated", at_us / 1_000)), at_us


SEALED = seals.NOW
MINUTE = timedelta(minutes=1)


@pytest.fixture
def sealed(database: Database, tmp_path: Path) -> Database:
    """Three events sealed at ten past, though the middle one was received last; a fourth five minutes later."""
    journal.write_bodies(database, [heard(SEALED - n * MINUTE) for n in (3, 1, 2)])
    seals.seal(database, tmp_path)
    journal.write_bodies(database, [heard(SEALED + 5 * MINUTE)])
    return database


@pytest.mark.parametrize(
    ("asked", "position", "at"),
    [
        ("2", 2, SEALED - MINUTE),
        ("3", 3, SEALED),  # the checkpoint's own time
        ("4", 4, SEALED + 5 * MINUTE),
        ("0", 0, datetime(1970, 1, 1, tzinfo=UTC)),
        ((SEALED + MINUTE).isoformat(), 3, SEALED + MINUTE),
        ((SEALED + 9 * MINUTE).isoformat(), 3, SEALED + 5 * MINUTE),  # from then on there is more than it covers
    ],
)
def test_as_of_is_a_position_and_an_instant(sealed: Database, asked: str, position: int, at: datetime) -> None:
    """A position is judged when its last event had been received, an instant means what was sealed by then."""
    assert resolved(sealed, asked, SEALED + 10 * MINUTE) == (position, instants.from_datetime(at))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("5", "as_of_beyond_log"),
        ("soon", "as_of_unreadable"),
        ("2026-03-01T12:00:00", "as_of_unreadable"),
        ("2026-03-01", "as_of_before_first_checkpoint"),
        ("2026-03-02", "as_of_in_future"),
    ],
)
def test_as_of_that_names_no_state_is_refused(sealed: Database, asked: str, reason: str) -> None:
    """What the log never was, nobody sealed, or is yet to come has no report."""
    with pytest.raises(errors.AsOfRefused) as refused:
        resolved(sealed, asked, SEALED + 10 * MINUTE)
    assert refused.value.reason == reason


def test_nothing_is_judged_later_than_what_could_be_heard(sealed: Database) -> None:
    """A process that fell silent may have answered since: as long as nobody knows, silence proves nothing."""
    said = heartbeats.Beat(process=uuid4(), duty="ingest", since=SEALED - MINUTE, alive_at=SEALED + MINUTE)
    with psycopg.connect(sealed.as_part("ingest"), autocommit=True) as ingest:
        heartbeats.beat(ingest, said)
    at = resolved(sealed, "4", SEALED + 10 * MINUTE)
    assert at == (4, instants.from_datetime(SEALED + MINUTE))
