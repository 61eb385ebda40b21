"""Calls found and shown from real read models, as an analyst."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
import sqlalchemy

from calls.event import Event
from calls.records import TABLES
from query import calls
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.projections import journal, test_commands
from tests.unit.calls import made

SETTLED = made.hours(24)


def call(session: str, leg: str, start_ms: int, *more: Event) -> list[Event]:
    """Give the events of an answered call, and more."""
    named: dict[str, Any] = {"call_session_id": session, "call_leg_id": leg, "call_control_id": f"v3:{leg}"}
    return [
        made.event("call.initiated", start_ms, event_id=f"{leg} i", direction="incoming", **named),
        made.event("call.answered", start_ms + 1_000, event_id=f"{leg} a", **named),
        made.event("call.hangup", start_ms + 61_500, event_id=f"{leg} h", hangup_cause="normal_clearing", **named),
        *more,
    ]


def everything_of(session: str, leg: str) -> list[Event]:
    """Give events that make a row of every table."""
    named: dict[str, Any] = {"call_session_id": session, "call_leg_id": leg}
    return [
        made.event("siprec.started", 2_000, client_state="QQ==", **named),
        made.event("siprec.failed", 5_000, failure_cause="no_answer", **named),
        made.event("call.dtmf.received", 6_000, digit="1", **named),
        made.event("call.refer.started", 7_000, sip_notify_response=100, **named),
        made.event("call.refer.failed", 8_000, sip_notify_response=603, **named),
        made.event("call.recording.error", 9_000, reason="[bold]odd[/bold]", **named),
    ]


@pytest.fixture(scope="module")
def database(clone: Callable[..., Database]) -> Database:
    """Make a database of four calls: one with everything, one of two legs, and two whose ids are confusing."""
    made_ = clone()
    journal.write(made_, call("ses-all", "leg-all", 1_000, *everything_of("ses-all", "leg-all")))
    journal.write(made_, [*call("ses-two", "leg-b", 20_000), *call("ses-two", "leg-a", 10_000)])
    journal.write(made_, [*call("leg-all", "leg-c", 30_000), *call("ses-x", "leg-two", 30_000)])
    untimed = [made.event("call.hold", None, event_id="untimed", call_session_id="ses-untimed")]
    journal.write(made_, untimed)
    journal.say(made_, *test_commands.asked("send_dtmf", 3_000, "c-1", "v3:leg-all"))
    journal.projected(made_, SETTLED)
    return made_


@pytest.fixture
def connection(database: Database) -> Iterator[sqlalchemy.Connection]:
    """Connect as an analyst, who may read the read models and nothing else."""
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(database.as_part("analyst"))
    )
    with engine.connect() as connected:
        yield connected
    engine.dispose()


def test_latest_gives_the_newest_first(connection: sqlalchemy.Connection) -> None:
    """By start, equal starts by id; a call without any time comes last, and a limit cuts the rest off."""
    ids = [row["call_session_id"] for row in calls.latest(connection)]
    assert ids == ["leg-all", "ses-x", "ses-two", "ses-all", "ses-untimed"]
    assert [row["call_session_id"] for row in calls.latest(connection, 2)] == ids[:2]


def test_show_gives_every_row_of_every_table(connection: sqlalchemy.Connection, database: Database) -> None:
    """A list a table under the columns' names; none is empty for a call in which everything happened."""
    shown = calls.show(connection, "ses-all")
    assert shown is not None
    assert list(shown) == list(TABLES)
    assert all(shown.values())
    rows = {name: [row for row in rows if row["call_session_id"] == "ses-all"] for name, rows in _all(database).items()}
    assert {name: len(found) for name, found in shown.items()} == {name: len(found) for name, found in rows.items()}
    assert shown["call_legs"][0]["talk_ms"] == 60_500
    assert {type(column) for column in shown["call_legs"][0]} == {str}
    assert shown["call_legs"][0].keys() == rows["call_legs"][0].keys()


def _all(database: Database) -> journal.Tables:
    return journal.tables(database)


@pytest.mark.parametrize("call_id", ["ses-two", "leg-a", "leg-b", "v3:leg-a", "v3:leg-b"])
def test_show_finds_a_call_by_any_of_its_ids(connection: sqlalchemy.Connection, call_id: str) -> None:
    """Session, leg and control id all lead to the whole call, legs in the order in which they began."""
    shown = calls.show(connection, call_id)
    assert shown is not None
    assert [row["call_session_id"] for row in shown["call_sessions"]] == ["ses-two"]
    assert [row["call_leg_id"] for row in shown["call_legs"]] == ["leg-a", "leg-b"]
    assert [row["seq"] for row in shown["timeline"]] == [1, 2, 3, 4, 5, 6]
    at = [row["occurred_at"] for row in shown["timeline"]]
    assert at == sorted(at)


def test_show_takes_an_id_for_a_session_before_it_takes_it_for_a_leg(connection: sqlalchemy.Connection) -> None:
    """Where a leg of one call has the id of another session, the session is meant."""
    shown = calls.show(connection, "leg-all")
    assert shown is not None
    assert [row["call_leg_id"] for row in shown["call_legs"]] == ["leg-c"]


@pytest.mark.parametrize("call_id", ["nobody", "", "ses", "leg-all%", "'"])
def test_show_gives_nothing_for_an_unknown_id(connection: sqlalchemy.Connection, call_id: str) -> None:
    """No prefix, pattern or quote finds anything."""
    assert calls.show(connection, call_id) is None


def test_show_gives_times_of_any_year(clone: Callable[..., Database], tmp_path: Path) -> None:
    """The first and last instants there are can be shown, in UTC, whatever zone the database is set to."""
    edge = clone()
    times: dict[str, Any] = {
        "recording_started_at": "0001-01-01T00:00:00Z",
        "recording_ended_at": "9999-12-31T23:59:59.999999Z",
    }
    journal.write(edge, [made.event("call.recording.saved", 1_000, **times)])
    journal.projected(edge, SETTLED)
    with psycopg.connect(edge.url, autocommit=True) as connected:
        for zone in ("America/New_York", "Pacific/Kiritimati"):
            connected.execute(f"ALTER DATABASE {connected.info.dbname} SET timezone = '{zone}'".encode())
            asked = server.run(["calls", "show", "ses-1", "--json"], server.environment(edge, tmp_path), tmp_path)
            assert asked.returncode == 0, asked.stderr
            (row,) = orjson.loads(asked.stdout)["native_recordings"]
            assert row["started_at"] == "0001-01-01T00:00:00.000000Z"
            assert row["ended_at"] == "9999-12-31T23:59:59.999999Z"


def asked(database: Database, home: Path, *arguments: str) -> tuple[int, str, str]:
    """Run ``callaudit calls`` and give its exit code and what it said."""
    ran = server.run(["calls", *arguments], server.environment(database, home), home)
    return ran.returncode, ran.stdout, ran.stderr


def test_command_shows_calls_as_json_lines(database: Database, tmp_path: Path) -> None:
    """One object a call on a line of its own, in the order asked for, a key a table, instants to the microsecond."""
    code, out, said = asked(database, tmp_path, "show", "ses-all", "v3:leg-b", "--json")
    assert (code, said) == (0, "")
    first, second = (orjson.loads(line) for line in out.splitlines())
    assert list(first) == list(second) == list(TABLES)
    assert first["call_sessions"][0]["call_session_id"] == "ses-all"
    assert second["call_sessions"][0]["call_session_id"] == "ses-two"
    assert first["call_legs"][0]["answered_at"] == "1970-01-01T00:00:02.000000Z"
    assert first["siprec_sessions"][0]["cause_raw"] == "no_answer"


def test_command_shows_a_call_to_a_person(database: Database, tmp_path: Path) -> None:
    """What is known of legs, recordings and transfers, then a line for every event; markup stays text."""
    code, out, said = asked(database, tmp_path, "show", "ses-all", "nobody", "ses-untimed")
    assert code == 1
    assert said == "callaudit: no call nobody in the read models [call_not_found]\n"
    assert "Call ses-all: ended, final\n" in out
    assert "  leg leg-all: ended_answered, talk 60.500 s, NORMAL_CLEARING" in out
    assert "  recording 1: failed_midway, 3.000 s, NO_ANSWER" in out
    assert "  transfer 1: declined (603)" in out
    assert out.count("\n  1970-") == 12
    assert "\n  no usable time " in out


def test_command_lists_the_newest_calls(database: Database, tmp_path: Path) -> None:
    """As a table whose lines are never cut, and as one JSON list."""
    code, out, _ = asked(database, tmp_path, "list", "--limit", "2")
    assert code == 0
    header, *lines = out.splitlines()
    assert header.split()[:2] == ["call_session_id", "started_at"]
    assert [line.split()[:2] for line in lines] == [
        ["leg-all", "1970-01-01T00:00:30.000000Z"],
        ["ses-x", "1970-01-01T00:00:30.000000Z"],
    ]
    code, out, _ = asked(database, tmp_path, "list", "--json")
    assert code == 0
    assert [row["call_session_id"] for row in orjson.loads(out)][-2:] == ["ses-all", "ses-untimed"]
