"""The projector against a real Postgres: steps, crashes, haste, reviews, and whatever JSON may come."""

import json
import random
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

import simulator
from calls import catalogue, instants
from calls.event import Event
from calls.instants import MILLISECOND, SECOND
from calls.policy import DEFAULT, Policy
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.projections import journal
from tests.integration.projections.journal import Clock
from tests.unit.calls import made

SETTLED = made.hours(24)
QUICK = Policy(skew_tolerance_ms=2, late_grace_ms=1_500, stale_after_ms=1_000, refer_timeout_ms=500)
"""A policy under which everything that time does happens within seconds."""


few = settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate))
"""Each example has a database of its own; making it smaller would take minutes."""


def conversation(session: str = "ses-1", leg: str = "leg-1") -> list[Event]:
    """Give the events of an answered, recorded call."""
    named: dict[str, Any] = {"call_session_id": session, "call_leg_id": leg}
    return [
        made.event(event_type, at_ms, event_id=f"{session} {leg} {event_type}", **named)
        for event_type, at_ms in (
            ("call.initiated", 0),
            ("call.answered", 1_000),
            ("siprec.started", 1_500),
            ("siprec.stopped", 9_000),
            ("call.hangup", 10_000),
        )
    ]


def test_step_projects_what_the_fold_says(database: Database) -> None:
    """Every row of every table is the fold's, and the progress is the log's."""
    journal.write(database, [*conversation(), *conversation("ses-2", "leg-2")])
    projector = journal.projector(database, Clock(SETTLED))
    with projector.connection:
        step = projector.step()
    assert (step.events, step.sessions, step.position) == (10, 2, 10)
    assert journal.tables(database) == journal.expected(journal.events(database), SETTLED)
    assert journal.projected_position(database) == 10


def test_step_does_nothing_when_nothing_is_new(database: Database) -> None:
    """Over an empty log, and over a settled one, no row is touched."""
    projector = journal.projector(database, Clock(SETTLED))
    with projector.connection:
        assert projector.step().events == 0
        journal.write(database, conversation())
        assert projector.catch_up() == 1
        before = journal.versions(database)
        assert projector.catch_up() == 0
    assert journal.versions(database) == before


@few
@given(data=st.data())
def test_projection_owes_nothing_to_batches_and_moments(clone: Callable[..., Database], data: st.DataObject) -> None:
    """However arrivals are cut into steps and whenever those run: in the end, what the fold says of the log.

    On the way, every event before the projected position is on its call's timeline.
    """
    drawn = [
        (journal.body(event, call_session_id=f"ses-{n}", call_leg_id=f"{event.call_leg_id}-{n}"), event.received_at)
        for n in range(data.draw(st.integers(1, 3)))
        for event in data.draw(made.sessions())
    ]
    arrivals = data.draw(st.permutations(drawn))
    database, clock = clone(), Clock(SECOND)
    projector = journal.projector(database, clock, policy=QUICK, events_per_step=data.draw(st.integers(1, 5)))
    with projector.connection:
        while arrivals:
            size = data.draw(st.integers(1, 6))
            journal.write_bodies(database, arrivals[:size])
            arrivals = arrivals[size:]
            clock.now += data.draw(st.sampled_from((0, 400, 1_000, 3_000))) * MILLISECOND
            projector.step()
            assert journal.invisible(database) == []
        for _ in range(2):  # what is put off, is put off a second from now
            projector.catch_up()
            clock.now += SECOND
        projector.catch_up()
    log = journal.events(database)
    assert journal.tables(database) == journal.expected(log, clock.now, QUICK)
    assert journal.projected_position(database) == len(log)


def test_arrival_order_does_not_matter_to_an_afternoon(clone: Callable[..., Database]) -> None:
    """Two logs of one afternoon, one shuffled and cut at random, tell the same but for what depends on arrival."""
    simulation = simulator.simulate(seed=7, start=0, calls=40)
    bodies = [(one.body, one.send_at) for one in simulation.deliveries if one.forgery is None]
    shuffled = random.Random(7).sample(bodies, len(bodies))
    as_of = simulation.truth.settled_at
    tidy, untidy = clone(), clone()
    journal.write_bodies(tidy, bodies)
    journal.projected(tidy, as_of)
    journal.project_in_random_steps(untidy, shuffled, Clock(as_of))
    arrival = ("position", "positions", "received_at", "revision", "revised_by")
    assert journal.tables(untidy) == journal.expected(journal.events(untidy), as_of)
    assert journal.without(journal.tables(untidy), *arrival) == journal.without(journal.tables(tidy), *arrival)


def test_step_that_fails_before_its_commit_changes_nothing(database: Database) -> None:
    """An error after the fold leaves rows, progress and memory as they were; the next step does it all."""
    journal.write(database, conversation())
    before = journal.projected(database, SETTLED), journal.bookkeeping(database)
    journal.write(database, [made.event("call.dtmf.received", 5_000, digit="1"), *conversation("ses-2", "leg-2")])
    projector = journal.projector(database, Clock(SETTLED))
    with projector.connection:
        with _progress_meets(database, "RAISE EXCEPTION 'the lights went out'"):
            for _ in range(2):
                with pytest.raises(psycopg.errors.RaiseException):
                    projector.step()
        assert (journal.tables(database), journal.bookkeeping(database)) == before
        assert projector.step().sessions == 2
    assert journal.tables(database) == journal.expected(journal.events(database), SETTLED)


def test_worker_killed_before_its_commit_changes_nothing(database: Database, tmp_path: Path) -> None:
    """SIGKILL between fold and commit leaves rows and progress as they were; another worker does it all."""
    journal.write(database, conversation())
    before = journal.tables(database), journal.bookkeeping(database)
    wait = "PERFORM pg_advisory_xact_lock(1)"
    with psycopg.connect(database.url) as holder, _progress_meets(database, wait):
        holder.execute("SELECT pg_advisory_lock(1)")
        with server.working(database, tmp_path) as worker:
            _until(lambda: journal.value(database, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 1)
            worker.kill()
        holder.execute("SELECT pg_advisory_unlock(1)")
        _until(lambda: journal.value(database, _PROJECTORS) == 0)
        assert (journal.tables(database), journal.bookkeeping(database)) == before
    assert journal.projected(database, SETTLED) == journal.expected(journal.events(database), SETTLED)


_PROJECTORS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'callaudit projector' AND datname = current_database()
"""


class _progress_meets:  # noqa: N801  reads as a sentence
    """While the block runs, whoever moves the progress meets a statement of ours first."""

    def __init__(self, database: Database, statement: LiteralString) -> None:
        self._database = database
        self._statement: LiteralString = statement

    def __enter__(self) -> None:
        made_of = "CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {}; RETURN NEW; END $$"
        with psycopg.connect(self._database.url) as connection:
            connection.execute(sql.SQL(made_of).format(sql.SQL(self._statement)))
            connection.execute(
                "CREATE TRIGGER meet BEFORE UPDATE ON calls.progress FOR EACH ROW EXECUTE FUNCTION meet()"
            )

    def __exit__(self, *_: object) -> None:
        with psycopg.connect(self._database.url) as connection:
            connection.execute("DROP FUNCTION meet CASCADE")


def _until(condition: Callable[[], bool]) -> None:
    """Wait for another process's state; there is no signal of it."""
    ends_at = time.monotonic() + server.DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def test_rows_that_stay_the_same_are_not_written_again(database: Database) -> None:
    """A new event rewrites the rows it changes; the others keep their place and their transaction."""
    journal.write(database, [*conversation(), *conversation(leg="leg-2"), *conversation("ses-2", "leg-3")])
    clock = Clock(SETTLED)
    projector = journal.projector(database, clock)
    with projector.connection:
        projector.step()
        before = journal.versions(database)
        journal.write(database, [made.event("call.dtmf.received", 20_000, digit="1", call_leg_id="leg-2")])
        clock.now += SECOND
        projector.step()
    after = journal.versions(database)
    changed = {name for name, _ in before.keys() - after.keys()}
    added = [name for name, _ in after.keys() - before.keys()]
    assert changed == {"call_sessions", "call_legs"}
    assert sorted(added) == ["call_legs", "call_sessions", "dtmf", "timeline"]
    same = before.keys() & after.keys()
    assert len(same) == len(before) - 2
    assert {row: before[row] for row in same} == {row: after[row] for row in same}


def test_session_is_folded_at_most_once_a_second(database: Database) -> None:
    """Events within a second of a fold wait; ``projected_position`` is the first of them until they are folded."""
    clock = Clock(SETTLED)
    first, second, third, *rest = conversation()
    journal.write(database, [first])
    projector = journal.projector(database, clock)
    with projector.connection:
        assert projector.step().sessions == 1
        journal.write(database, [second])
        clock.now += 400_000
        assert projector.step().sessions == 0
        journal.write(database, [third, *conversation("ses-2", "leg-2")])
        clock.now += 400_000
        assert projector.step().sessions == 1  # the other session does not wait
        assert journal.value(database, "SELECT position FROM calls.progress") == 8
        assert journal.projected_position(database) == 1
        shown = journal.tables(database)["timeline"]
        assert {row["position"] for row in shown if row["call_session_id"] == "ses-1"} == {0}
        clock.now += 199_999
        assert projector.step().sessions == 0
        clock.now += 1
        assert projector.step().sessions == 1
    assert journal.projected_position(database) == 8
    assert journal.tables(database) == journal.expected(journal.events(database), clock.now)
    assert rest


def _until_reviews(database: Database, events: list[Event], moments: dict[int, Any], query: str) -> None:
    """Project at each moment and see what the query says there; nothing new arrives in between."""
    journal.write(database, events)
    clock = Clock(min(moments))
    projector = journal.projector(database, clock)
    with projector.connection:
        for at, said in moments.items():
            clock.now = at
            projector.catch_up()
            assert journal.value(database, query) == said, at
            assert journal.tables(database) == journal.expected(journal.events(database), at)
        assert journal.value(database, "SELECT count(*) FROM calls.reviews") == 0


def test_call_becomes_final_by_time_alone(database: Database) -> None:
    """Not before the grace after its hangup is over, then without any further event."""
    final_at = 10 * SECOND + DEFAULT.late_grace_us
    moments = {11 * SECOND: "provisional", final_at - 1: "provisional", final_at: "final", final_at + 1: "final"}
    _until_reviews(database, conversation(), moments, "SELECT finality FROM calls.call_sessions")


def test_call_becomes_stale_by_time_alone(database: Database) -> None:
    """A call that was answered and then not heard of is stale after the limit, with nothing new in the log."""
    stale_at = SECOND + DEFAULT.stale_after_us + DEFAULT.late_grace_us + 1
    moments = {2 * SECOND: "in_progress", stale_at - 1: "in_progress", stale_at: "stale"}
    _until_reviews(database, conversation()[:2], moments, "SELECT status FROM calls.call_legs")


def test_transfer_becomes_unconfirmed_by_time_alone(database: Database) -> None:
    """A transfer without a result is pending until its time is up; then the call goes on without it."""
    events = [*conversation()[:2], made.event("call.refer.started", 3_000, sip_notify_response=100)]
    over_at = 3 * SECOND + DEFAULT.refer_timeout_us + DEFAULT.late_grace_us
    settled_at = 3 * SECOND + DEFAULT.stale_after_us + DEFAULT.late_grace_us + 1
    moments = {
        4 * SECOND: "pending",
        over_at: "pending",
        over_at + 1: "unconfirmed_timeout",
        settled_at: "unconfirmed_timeout",
    }
    _until_reviews(database, events, moments, "SELECT outcome FROM calls.refer_attempts")


def test_call_that_cannot_be_written_keeps_no_other_waiting(database: Database) -> None:
    """Its own rows stay as they are and the projected position before it; a minute later it is tried again."""
    journal.write(database, conversation("ses-0", "leg-0"))
    journal.write(database, [*conversation(leg="poison"), *conversation("ses-2", "leg-2")])
    with psycopg.connect(database.url) as connection:
        connection.execute("ALTER TABLE calls.call_legs ADD CONSTRAINT poison CHECK (call_leg_id <> 'poison')")
    clock = Clock(SETTLED)
    failed: list[tuple[str, type[Exception]]] = []

    def note(name: str, error: Exception) -> None:
        failed.append((name, type(error)))

    projector = journal.projector(database, clock, failed=note)
    with projector.connection:
        projector.catch_up()
        assert failed == [("ses-1", psycopg.errors.CheckViolation)]
        assert {row["call_session_id"] for row in journal.tables(database)["timeline"]} == {"ses-0", "ses-2"}
        assert journal.projected_position(database) == 5
        assert projector.catch_up() == 0
        with psycopg.connect(database.url) as connection:
            connection.execute("ALTER TABLE calls.call_legs DROP CONSTRAINT poison")
        clock.now += 60 * SECOND
        projector.catch_up()
    assert journal.tables(database) == journal.expected(journal.events(database), clock.now)
    assert journal.projected_position(database) == 15


def test_two_projectors_at_once_do_no_harm(database: Database) -> None:
    """They take turns; what one has projected the other does not project again, and nothing is left out."""
    simulation = simulator.simulate(seed=11, start=0, calls=25)
    bodies = [(one.body, one.send_at) for one in simulation.deliveries if one.forgery is None]
    moments = count(simulation.truth.settled_at, SECOND)  # never twice within a second
    done, steps = threading.Event(), [0, 0]
    failed: list[Exception] = []

    def work(number: int) -> None:
        projector = journal.projector(database, lambda: next(moments), events_per_step=20)
        with projector.connection:
            try:
                while True:
                    over = done.is_set()
                    try:
                        step = projector.step()
                    except psycopg.errors.LockNotAvailable:  # a slow machine: the worker tries again, too
                        continue
                    steps[number] += step.events
                    if over and not step.events and not step.sessions:
                        return
            except Exception as error:  # noqa: BLE001  the test says it
                failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for start in range(0, len(bodies), 30):
        journal.write_bodies(database, bodies[start : start + 30])
    done.set()
    for thread in threads:
        thread.join()
    assert failed == []
    log = journal.events(database)
    assert all(steps)
    assert sum(steps) == len(log)
    assert journal.tables(database) == journal.expected(log, simulation.truth.settled_at)


_KINDS: list[Any] = [
    *sorted(catalogue.KNOWN),
    "call.siprec.started",
    "call_siprec_stopped",
    "new",
    "\0",
    "",
    None,
    7,
    {},
]
_TEXTS = ["", "\0", "a\0b", "x" * 300, "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "é😀"]
_NUMBERS = [0, -1, 100, 603, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**30, 0.1, -1e300, 5e-324]
_FIELDS = [
    *("client_state", "sip_notify_response", "hangup_cause", "hangup_source", "sip_hangup_cause", "failure_cause"),
    *("digit", "digits", "status", "tags", "direction", "from", "to", "channels", "reason", "state", "result"),
    *("recording_started_at", "recording_ended_at", "occurred_at", "call_control_id", "connection_id", "a\0"),
]


def _json_value(rng: random.Random, depth: int = 0) -> Any:
    """Give any JSON value; deep ones are rare."""
    match rng.randrange(10 if depth < 3 else 8):
        case 0:
            return rng.choice([None, True, False])
        case 1 | 2 | 3:
            return rng.choice(_NUMBERS)
        case 8:
            return [_json_value(rng, depth + 1) for _ in range(rng.randrange(4))]
        case 9:
            return {rng.choice(_TEXTS): _json_value(rng, depth + 1) for _ in range(rng.randrange(4))}
        case _:
            return rng.choice(_TEXTS)


def _odd_event(rng: random.Random, number: int, kind: Any) -> dict[str, Any]:
    """Give an event about one of many calls, or about none, with any JSON where something else was promised."""
    call = rng.randrange(30)
    payload: Any = {
        "call_leg_id": rng.choice([f"leg-{call}", f"leg-{call}", f"leg-{call} b", None, 7, "a\0b"]),
        "call_session_id": rng.choice([f"ses-{call}", f"ses-{call}", None, "", "a\0b", []]),
        **{name: _json_value(rng) for name in rng.sample(_FIELDS, rng.randrange(12))},
    }
    at = instants.to_text(1_772_366_400_000_000 + rng.randrange(10**9))
    return {
        "id": rng.choice([f"event-{number}", f"event-{number}", "same", None, 5, "\0"]),
        "event_type": kind,
        "occurred_at": rng.choice([at, at, at, _json_value(rng)]),
        "payload": rng.choice([payload] * 20 + [_json_value(rng)]),
    }


def _whole_call() -> list[dict[str, Any]]:
    """Give a call that talks for a second, so that there is coverage: odd events seldom make one."""
    ids = {"call_leg_id": "leg-whole", "call_session_id": "ses-whole"}
    first = 1_772_366_400_000_000
    at = {"call.answered": instants.to_text(first), "call.hangup": instants.to_text(first + instants.SECOND)}
    return [{"id": kind, "event_type": kind, "occurred_at": at[kind], "payload": ids} for kind in at]


@pytest.mark.parametrize("seed", range(3))
def test_no_event_stops_the_projector(database: Database, seed: int, *, full: bool) -> None:
    """Whatever JSON events of any type hold, they are stored and projected, and the fold's rows are in the tables."""
    rng = random.Random(seed)
    times = 100 if full else 8
    odd = [_odd_event(rng, number, kind) for number, kind in enumerate(_KINDS * times)] + _whole_call()
    deep = b'{"data": {"event_type": "call.hold", "payload": {"x": %b}}}' % (b"[" * 1_200 + b"]" * 1_200)
    bodies = [json.dumps({"data": data}).encode() for data in odd]
    journal.write_bodies(database, [(body, SETTLED) for body in [*bodies, deep, b"[", b"", b"\xff"]])
    failed: list[str] = []

    def note(name: str, _: Exception) -> None:
        failed.append(name)

    projector = journal.projector(database, Clock(SETTLED), events_per_step=1_000_000, failed=note)
    with projector.connection:
        projector.catch_up()
    log = journal.events(database)
    assert failed == []
    assert journal.projected_position(database) == len(log) > len(odd)
    assert journal.invisible(database) == []
    rows, true = journal.tables(database), journal.expected(log, SETTLED)
    assert {name: len(found) for name, found in rows.items()} == {name: len(found) for name, found in true.items()}
    assert {name for name, its in rows.items() if not its} == {"commands"}  # no webhook makes one
