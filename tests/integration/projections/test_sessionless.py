"""Events that name a leg and no session: they belong to the leg's sessions, whenever those become known."""

import random
from itertools import permutations

import pytest

from calls.event import Event
from calls.instants import MILLISECOND, SECOND
from tests.conftest import Database
from tests.integration.projections import journal
from tests.integration.projections.journal import Clock
from tests.unit.calls import made

SETTLED = made.hours(24)


def event(number: int, leg: str | None, session: str | None, kind: str = "call.hold") -> Event:
    """Make one of several events, each with a time of its own."""
    return made.event(kind, number * 1_000, event_id=f"e{number}", call_leg_id=leg, call_session_id=session)


def timelines(database: Database) -> dict[str, list[str]]:
    """Give the event ids on each session's timeline, in order."""
    found: dict[str, list[str]] = {}
    for row in sorted(journal.tables(database)["timeline"], key=lambda row: row["seq"]):
        found.setdefault(row["call_session_id"], []).append(row["event_id"])
    return found


def test_leg_stands_for_its_session_until_that_is_known(database: Database) -> None:
    """Without any session the leg's own id names the call; the session, once named, takes all over."""
    journal.write(database, [event(1, "leg-1", None)])
    assert [row["flags"] for row in journal.projected(database, SETTLED)["call_sessions"]] == [["session_missing"]]
    assert timelines(database) == {"leg-1": ["e1"]}
    journal.write(database, [event(2, "leg-1", "ses-1"), event(3, "leg-1", None)])
    assert [row["flags"] for row in journal.projected(database, SETTLED)["call_sessions"]] == [[]]
    assert timelines(database) == {"ses-1": ["e1", "e2", "e3"]}


def test_sessionless_event_reaches_every_session_of_its_leg(database: Database) -> None:
    """Two sessions may name one leg, and one session has the leg's id: all of them show it, in every order."""
    names = [("leg", None), ("leg", "ses"), ("leg", "leg"), ("other", "ses")]
    orders = list(permutations(enumerate(names, 1)))
    arrivals = [
        [event(number, f"{leg}-{n}", session and f"{session}-{n}") for n, (number, (leg, session)) in enumerate(turn)]
        for turn in zip(*orders, strict=True)
    ]
    clock = Clock(SETTLED)
    projector = journal.projector(database, clock)
    with projector.connection:
        for events in arrivals:
            journal.write(database, events)
            projector.step()
            clock.now += SECOND
    found = timelines(database)
    assert [found[f"ses-{n}"] for n in range(len(orders))] == [["e1", "e2", "e4"]] * len(orders)
    assert [found[f"leg-{n}"] for n in range(len(orders))] == [["e1", "e3"]] * len(orders)
    assert journal.tables(database) == journal.expected(journal.events(database), SETTLED)


def test_event_taken_over_by_a_session_that_waits_is_said_to_be_hidden(database: Database) -> None:
    """Its old call is gone at once, its new one is put off: until then the projected position is before it."""
    lone, named, linking = event(1, "leg-1", None), event(2, "leg-2", "ses-1"), event(3, "leg-1", "ses-1")
    clock = Clock(SETTLED)
    projector = journal.projector(database, clock)
    with projector.connection:
        journal.write(database, [lone])
        projector.step()
        clock.now += SECOND
        journal.write(database, [named])
        projector.step()
        clock.now += 500 * MILLISECOND
        journal.write(database, [linking])
        projector.step()
        assert timelines(database) == {"ses-1": ["e2"]}
        assert journal.projected_position(database) == 0
        clock.now += 500 * MILLISECOND
        projector.step()
    assert timelines(database) == {"ses-1": ["e1", "e2", "e3"]}
    assert journal.projected_position(database) == 3


@pytest.mark.parametrize("seed", range(2))
def test_tables_are_those_of_the_whole_log_whoever_names_whom(database: Database, seed: int) -> None:
    """Legs and sessions may name each other in any way and order, ids of one being those of the other."""
    rng = random.Random(seed)
    clock = Clock(SETTLED)
    projector = journal.projector(database, clock, events_per_step=25)
    with projector.connection:
        for number in range(10):
            names = [(rng.choice(("x", "y", None)), rng.choice(("x", "y", "s", None, None))) for _ in range(30)]
            named = [(leg and f"{leg}-{n}", session and f"{session}-{n}") for n, (leg, session) in enumerate(names)]
            journal.write(database, [event(number, leg, session) for leg, session in named])
            for _ in range(rng.randrange(3)):
                projector.step()
                assert journal.invisible(database) == []
                clock.now += rng.choice((0, 300 * MILLISECOND, SECOND))
        for _ in range(2):  # what is put off, is put off a second from now
            projector.catch_up()
            clock.now += SECOND
        projector.catch_up()
    assert journal.tables(database) == journal.expected(journal.events(database), SETTLED)
