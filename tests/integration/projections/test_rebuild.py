"""Rebuild against a real Postgres: live tables equal the folded log, and what differs is found and put right."""

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from psycopg import sql

import simulator
from calls.instants import SECOND, Instant
from calls.policy import DEFAULT
from projections import rebuild
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.projections import journal
from tests.integration.projections.journal import Clock
from tests.unit.calls import made

AFTERNOON = simulator.simulate(seed=5, start=0, calls=30)
SETTLED = AFTERNOON.truth.settled_at
BODIES = [(one.body, one.send_at) for one in AFTERNOON.deliveries if one.forgery is None]


def differing(differences: Sequence[rebuild.Difference]) -> dict[str, tuple[int, int]]:
    """Give the tables that differ, with the rows gone and new."""
    return {each.table: (each.gone, each.new) for each in differences if each.gone or each.new}


def rebuilt(database: Database, now: Callable[[], Instant], **options: Any) -> dict[str, tuple[int, int]]:
    """Rebuild as the worker's role, by one process unless told, and give what differed."""
    given: dict[str, Any] = {"processes": 1, **options}
    return differing(rebuild.rebuild(database.as_part("worker"), now, **given))


def everything(database: Database) -> tuple[journal.Tables, Mapping[str, Any]]:
    """Give all rows, the projector's own included."""
    return journal.tables(database), journal.bookkeeping(database)


def tamper(database: Database, *statements: str) -> None:
    """Change read models behind the projector's back, as only a superuser can."""
    with psycopg.connect(database.url) as connection:
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount == 1, statement


TAMPERINGS = (
    """UPDATE calls.call_legs SET talk_ms = talk_ms + 1, talk_us = talk_us + 1000
       WHERE call_leg_id = (SELECT min(call_leg_id) FROM calls.call_legs WHERE talk_ms IS NOT NULL)""",
    "DELETE FROM calls.timeline WHERE position = 7",
    """INSERT INTO calls.client_states (call_session_id, call_leg_id, seq, first_seen_at, finality, revision, positions)
       VALUES ('nobody', 'nobody', 1, now(), 'final', 1, '{}')""",
    "DELETE FROM calls.session_events WHERE position = 9",
)
FOUND = {"call_legs": (1, 1), "timeline": (0, 1), "client_states": (1, 0), "session_events": (0, 1)}


@pytest.fixture(scope="module")
def afternoon(clone: Callable[..., Database]) -> Database:
    """Make the database of a settled afternoon that arrived shuffled; whoever changes it puts it right again."""
    database = clone()
    shuffled = random.Random(5).sample(BODIES, len(BODIES))
    journal.project_in_random_steps(database, shuffled, Clock(SETTLED))
    return database


def test_rebuild_finds_no_difference_after_an_afternoon(afternoon: Database) -> None:
    """What was projected in random batches and order is what two processes fold from the whole log."""
    before = everything(afternoon)
    said: list[tuple[str, int]] = []
    clock = Clock(SETTLED + SECOND)

    def note(what: str, done: int, *_: int) -> None:
        said.append((what, done))

    assert rebuilt(afternoon, clock, processes=2, progress=note) == {}
    assert everything(afternoon) == before
    counts = [journal.value(afternoon, f"SELECT count({what}) FROM {table}") for what, table in _COUNTED]  # noqa: S608
    assert [max(done for what, done in said if what == each) for each in ("events", "sessions")] == counts
    assert journal.value(afternoon, "SELECT count(*) FROM pg_tables WHERE schemaname = 'rebuild'") == 0


_COUNTED = (("*", "log.events"), ("DISTINCT call_session_id", "calls.session_events"))


def test_rebuild_finds_no_difference_in_the_middle_of_an_afternoon(database: Database) -> None:
    """Calls in progress, waiting for their grace or not heard of are folded as of one instant on both sides."""
    middle = BODIES[len(BODIES) // 2][1]
    clock = Clock(middle)
    journal.project_in_random_steps(database, [each for each in BODIES if each[1] <= middle], clock)
    assert journal.value(database, "SELECT count(*) FROM calls.reviews") > 3
    assert rebuilt(database, clock) == {}
    assert journal.tables(database) == journal.expected(journal.events(database), clock.now)


def test_rebuild_finds_what_was_tampered_with_and_puts_it_right(afternoon: Database) -> None:
    """Exactly the changed, lost and invented rows; looking alone changes nothing."""
    clock = Clock(SETTLED + SECOND)
    genuine = everything(afternoon)
    tamper(afternoon, *TAMPERINGS)
    tampered = everything(afternoon)
    assert rebuilt(afternoon, clock, apply=False) == FOUND
    assert everything(afternoon) == tampered
    differences = rebuild.rebuild(afternoon.as_part("worker"), clock, processes=1)
    assert differing(differences) == FOUND
    examples = {each.table: each.examples for each in differences if each.examples}
    assert examples["client_states"] == (("nobody", "nobody", 1),)
    assert [key[1] for key in examples["timeline"]] == [7]
    assert everything(afternoon) == genuine


def test_rebuild_check_says_no_with_its_exit_code(afternoon: Database, tmp_path: Path) -> None:
    """1 and the rows where something differs; ``rebuild`` itself says 0, for it has put them right."""
    given = server.environment(afternoon, tmp_path)
    genuine = journal.tables(afternoon)
    tamper(afternoon, *TAMPERINGS)
    check = server.run(["rebuild", "--check", "--json", "--processes", "1"], given, tmp_path)
    assert check.returncode == 1, check.stderr
    rows = {row["table"]: (row["rows_gone"], row["rows_new"]) for row in orjson.loads(check.stdout)}
    assert {table: found for table, found in rows.items() if any(found)} == FOUND
    applied = server.run(["rebuild", "--processes", "1"], given, tmp_path)
    assert (applied.returncode, "nobody" in applied.stdout) == (0, True), applied.stderr
    assert journal.tables(afternoon) == genuine


def held(number: int, leg: str, session: str | None) -> Any:
    """Make one of several events of a call that is held now and then."""
    return made.event("call.hold", number * 1_000, event_id=f"e{number}", call_leg_id=leg, call_session_id=session)


def test_rebuild_takes_in_what_is_projected_meanwhile(database: Database) -> None:
    """New calls, new events of old ones, and legs whose session becomes known while the processes are at work."""
    clock = Clock(made.hours(1))
    journal.write(database, [held(1, "leg-1", None), held(2, "leg-2", "ses-2"), held(3, "leg-3", "ses-3")])
    projector = journal.projector(database, clock)
    later = [held(4, "leg-1", "ses-1"), held(5, "leg-2", "ses-2"), held(6, "leg-4", "ses-4"), held(7, "leg-2", None)]

    def meanwhile(what: str, *_: int) -> None:
        if what == "sessions" and later:
            journal.write(database, later)
            later.clear()
            projector.step()

    with projector.connection:
        projector.step()
        clock.now += SECOND
        assert rebuilt(database, clock, progress=meanwhile) == {}
        assert not later
    assert journal.tables(database) == journal.expected(journal.events(database), clock.now)
    assert journal.bookkeeping(database)["session_events"] == [
        ("ses-1", 0),
        ("ses-1", 3),
        ("ses-2", 1),
        ("ses-2", 4),
        ("ses-2", 6),
        ("ses-3", 2),
        ("ses-4", 5),
    ]


def test_rebuild_takes_in_what_the_projector_has_put_off(database: Database) -> None:
    """A call folded less than a second ago has events that wait: they are no difference."""
    clock = Clock(made.hours(1))
    projector = journal.projector(database, clock)
    with projector.connection:
        for number in (1, 2):
            journal.write(database, [held(number, "leg-1", "ses-1")])
            projector.step()
        assert journal.projected_position(database) == 1
        assert rebuilt(database, clock, apply=False) == {}


def test_rebuild_takes_in_what_time_changes_meanwhile(database: Database) -> None:
    """A call that becomes final while the processes are at work stays final."""
    hangup = made.event("call.hangup", 1_000, hangup_cause="normal_clearing")
    final_at = SECOND + DEFAULT.late_grace_us
    journal.write(database, [held(0, "leg-1", "ses-1"), hangup])
    clock = Clock(final_at - 1)
    projector = journal.projector(database, clock)

    def meanwhile(what: str, *_: int) -> None:
        if what == "sessions":
            clock.now = final_at
            projector.step()

    with projector.connection:
        projector.step()
        assert rebuilt(database, clock, progress=meanwhile) == {}
    assert journal.value(database, "SELECT finality FROM calls.call_sessions") == "final"


def test_rebuilt_call_is_still_judged_by_time(database: Database) -> None:
    """Also one whose review was lost, or that an older program held to be final, settles when it is due."""
    journal.write(database, [made.event("call.hangup", 1_000), held(2, "leg-1", "ses-1")])
    clock = Clock(made.hours(0.1))
    journal.projected(database, clock.now)
    tamper(database, "UPDATE calls.call_legs SET finality = 'final'", "DELETE FROM calls.reviews")
    assert rebuilt(database, clock) == {"call_legs": (1, 1)}
    clock.now = SECOND + DEFAULT.late_grace_us
    projector = journal.projector(database, clock)
    with projector.connection:
        projector.catch_up()
    assert journal.tables(database) == journal.expected(journal.events(database), clock.now)


def test_rebuild_whose_processes_cannot_work_leaves_everything_as_it_was(afternoon: Database) -> None:
    """It says so in one error, and the next one works."""
    tamper(afternoon, *TAMPERINGS)
    before = everything(afternoon)
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    with psycopg.connect(afternoon.url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(limit.format(name, sql.Literal(2)))  # this one and the parent
        with pytest.raises(rebuild.RebuildFailed):
            rebuilt(afternoon, Clock(SETTLED))
        connection.execute(limit.format(name, sql.Literal(-1)))
    assert everything(afternoon) == before
    assert rebuilt(afternoon, Clock(SETTLED + SECOND)) == FOUND


def test_rebuild_whose_process_is_killed_leaves_everything_as_it_was(database: Database) -> None:
    """A process that is gone without a word is noticed at once."""
    journal.write(database, [held(1, "leg-1", "ses-1")])
    before = everything(database)
    with psycopg.connect(database.url) as holder:
        holder.execute("SELECT FROM calls.progress FOR UPDATE")
        killer = threading.Thread(target=_kill_child)
        killer.start()
        with pytest.raises(rebuild.RebuildFailed):
            rebuilt(database, Clock(made.hours(1)), processes=2)
        killer.join()
    assert everything(database) == before


def _kill_child() -> None:
    """Kill the first process that appears."""
    while not (children := multiprocessing.active_children()):
        threading.Event().wait(0.005)
    os.kill(children[0].pid or 0, signal.SIGKILL)


def test_rebuild_refuses_to_run_beside_another(database: Database) -> None:
    """Two would share the scratch tables."""
    with psycopg.connect(database.url) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('callaudit rebuild'))")
        with pytest.raises(rebuild.RebuildFailed, match="another rebuild"):
            rebuilt(database, Clock(0))
