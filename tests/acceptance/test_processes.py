"""The program's processes: how ``up`` lives and ends, what commands answer, and what they refuse in one sentence."""

import contextlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import psycopg
import pytest
from psycopg import sql

from calls import records
from tests.acceptance import home as homes
from tests.acceptance import server, storm
from tests.conftest import Database
from tests.integration.projections import journal
from tests.unit.calls import made

COUNTS = {
    *("stored", "duplicate_deliveries", "id_conflicts", "quarantined", "unattributed", "unknown_type", "aliased_type"),
    *("rejected", "outages", "position", "projected_position", "semantic_duplicates", "system"),
}
SECRET = "hunter2"


@dataclass(frozen=True, slots=True)
class Up:
    """A running ``callaudit up``, where it listens, and what it said so far."""

    home: Path
    url: str
    process: subprocess.Popen[str]
    said: list[str]

    def post(self, body: bytes) -> int:
        """Post a genuine webhook; gives its status, 0 where nobody answered."""
        try:
            return storm.post(self.url, body)
        except httpx.TransportError:
            return 0

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the same home."""
        return server.run(arguments, homes.environment(self.home), self.home)

    def shows(self, number: int) -> bool:
        """Say whether ``calls show`` finds a posted webhook's call."""
        return self.ask("calls", "show", f"leg-{number}").returncode == 0


@contextlib.contextmanager
def up(home: Path) -> Generator[Up]:
    """Run everything in one during the block."""
    given = homes.environment(home, TELNYX_PUBLIC_KEY=server.KEY.public)
    with server.started(["up", "--port", "0"], given, home) as (process, said):
        listening = "listening on "
        homes.until(lambda: process.poll() is not None or any(line.startswith(listening) for line in said))
        (url,) = (line.removeprefix(listening) for line in said if line.startswith(listening))
        homes.until(lambda: server.is_ready(url))
        try:
            yield Up(home, url, process, said)
        finally:
            server.stop(process)
            homes.end(home)


def test_up_takes_projects_and_tells(tmp_path: Path) -> None:
    """A signed webhook is answered, projected, shown and counted; whichever process is killed comes back."""
    with up(tmp_path) as running:
        assert running.post(server.webhook(1)) == 200
        homes.until(lambda: running.shows(1))
        counted = orjson.loads(running.ask("log", "stats", "--json").stdout)
        assert {**counted, "stored": 1, "system": 1, "position": 2, "projected_position": 2} == counted

        for number, command in enumerate(("serve", "worker"), start=2):
            victim = homes.of(tmp_path, command)
            os.kill(victim, signal.SIGKILL)
            homes.until(lambda victim=victim: victim not in homes.family(tmp_path))
            homes.until(lambda number=number: running.post(server.webhook(number)) == 200)
            homes.until(lambda number=number: running.shows(number))
            assert homes.of(tmp_path, command) != victim
        died = [orjson.loads(line) for line in running.said if "process_died" in line]
        assert [(line["process"], line["exit_code"]) for line in died] == [("serve", -9), ("worker", -9)]


@pytest.mark.parametrize(
    ("number", "to"),
    [(signal.SIGTERM, "parent"), (signal.SIGINT, "parent"), (signal.SIGINT, "all")],
    ids=["SIGTERM", "SIGINT", "ctrl-c"],
)
def test_up_ends_when_it_is_told_to(tmp_path: Path, number: signal.Signals, to: str) -> None:
    """With 0, without complaint, and with everything that it started; a terminal tells all of its processes at once."""
    with up(tmp_path) as running:
        assert running.post(server.webhook(1)) == 200
        told = [running.process.pid]
        if to == "all":
            told += [homes.of(tmp_path, "serve"), homes.of(tmp_path, "worker")]
        for pid in told:
            os.kill(pid, number)
        assert running.process.wait(server.DEADLINE_SECONDS) == 0
        assert homes.family(tmp_path) == {}
    assert server.complaints(running.said) == []


def test_nothing_outlives_an_up_that_is_killed(tmp_path: Path) -> None:
    """After SIGKILL its processes and its Postgres end by themselves, and what was answered is there."""
    with up(tmp_path) as running:
        assert running.post(server.webhook(1)) == 200
        commands = " ".join(homes.family(tmp_path).values())
        assert all(word in commands for word in ("callaudit serve", "callaudit worker", "callaudit.postgres", "-D "))
        running.process.kill()
        homes.until(lambda: homes.family(tmp_path) == {})
    assert not any("Traceback" in line or "Fatal" in line for line in running.said)
    counted = orjson.loads(running.ask("log", "stats", "--json").stdout)
    assert counted["stored"] == 1


def run(database: Database, home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a database."""
    return server.run(arguments, server.environment(database, home, **settings), home)


def refused(ended: subprocess.CompletedProcess[str], reason: str) -> str:
    """See that a command ended with one sentence, exit code 2 and no secret; gives the sentence."""
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(rf"callaudit: .+ \[({reason})\]\n", ended.stderr), ended.stderr
    assert SECRET not in ended.stderr
    return ended.stderr


@pytest.fixture(scope="module")
def told(clone: Callable[..., Database]) -> Database:
    """Give a database with two calls, projected."""
    database = clone()
    journal.write_bodies(database, [(server.webhook(n, "call.answered"), made.hours(n)) for n in (1, 2)])
    journal.projected(database, 1_900_000_000_000_000)
    return database


def test_answers_as_json_have_their_shapes(told: Database, tmp_path: Path) -> None:
    """What programs read: a list of calls, one object a call with a list a table, counts by their names."""
    listed = orjson.loads(run(told, tmp_path, "calls", "list", "--json").stdout)
    assert {row["call_session_id"] for row in listed} == {"session-1", "session-2"}

    shown = run(told, tmp_path, "calls", "show", "session-1", "v3:control-2", "--json")
    calls = [orjson.loads(line) for line in shown.stdout.splitlines()]
    assert shown.returncode == 0
    assert [call["call_sessions"][0]["call_session_id"] for call in calls] == ["session-1", "session-2"]
    assert all(list(call) == list(records.TABLES) for call in calls)
    assert all(isinstance(rows, list) for call in calls for rows in call.values())
    assert calls[0]["call_legs"][0]["answered_at"] == "2026-03-01T12:00:00.001000Z"

    assert orjson.loads(run(told, tmp_path, "log", "stats", "--json").stdout).keys() == COUNTS


def test_reports_as_json_have_their_shapes(told: Database, tmp_path: Path) -> None:
    """The list names what can be run; a run says what was asked, as of when, and its rows."""
    listed = orjson.loads(run(told, tmp_path, "report", "list", "--json").stdout)
    assert [set(row) for row in listed] == [{"report", "answers"}] * 8

    asked = ["report", "run", "siprec_sessions", "--from", "2026-03-01", "--zone", "Europe/Berlin", "--json"]
    ran = orjson.loads(run(told, tmp_path, *asked).stdout)
    header = {
        "report",
        "period",
        "by",
        "log_position",
        "tree_root",
        "as_of",
        "versions",
        "verification",
        "completeness",
    }
    assert ran.keys() == header | {"rows"}
    assert ran["period"] == {"from": "2026-03-01", "to": "2026-03-02", "zone": "Europe/Berlin"}
    assert ran["log_position"] == 2


def test_report_is_printed_in_the_format_that_is_asked_for(told: Database, tmp_path: Path) -> None:
    """Without a folder, CSV goes to standard output as it would go into the file."""
    asked = ["report", "run", "siprec_sessions", "--from", "2026-03-01", "--format", "csv"]
    printed = run(told, tmp_path, *asked).stdout
    run(told, tmp_path, *asked, "--out", str(tmp_path / "out"))

    written = (tmp_path / "out" / "siprec_sessions.csv").read_bytes()
    assert printed.encode().splitlines() == written.splitlines()
    assert printed.startswith("day,connection_id,")


def test_report_writes_the_files_it_names(told: Database, tmp_path: Path) -> None:
    """One a format, and the manifest; the folder is made."""
    out = tmp_path / "new" / "folder"
    asked = ["report", "run", "siprec_sessions", "--format", "csv, json,parquet", "--out", str(out)]
    ended = run(told, tmp_path, *asked)
    names = [f"siprec_sessions.{ending}" for ending in ("csv", "json", "parquet", "manifest.json")]
    assert ended.stdout.splitlines() == [str(out / name) for name in names]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)


def test_answer_no_is_exit_code_1(clone: Callable[..., Database], tmp_path: Path) -> None:
    """A call that is not there, and read models that a rebuild would change: said, and 1, until they are put right."""
    database = clone()
    journal.write_bodies(database, [(server.webhook(1), 0)])
    journal.projected(database, 1_900_000_000_000_000)
    missing = run(database, tmp_path, "calls", "show", "session-1", "no-such-call", "--json")
    assert (missing.returncode, missing.stdout.count("\n")) == (1, 1)
    assert missing.stderr == "callaudit: no call no-such-call in the read models [call_not_found]\n"

    as_it_was = journal.tables(database)
    with psycopg.connect(database.url) as connection:
        connection.execute("UPDATE calls.call_legs SET direction = 'sideways'")
    checked = run(database, tmp_path, "rebuild", "--check", "--json")
    assert checked.returncode == 1
    changes = {row.pop("table"): row for row in orjson.loads(checked.stdout)}
    changed = {"rows_gone": 1, "rows_new": 1, "examples": [["session-1", "leg-1"]]}
    assert {name: row for name, row in changes.items() if row["examples"]} == {"call_legs": changed}
    assert journal.tables(database) != as_it_was
    assert run(database, tmp_path, "rebuild").returncode == 0
    assert journal.tables(database) == as_it_was


def test_taken_port_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    """``up`` says so in one sentence, and has made no database."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = homes.environment(tmp_path / "home", TELNYX_PUBLIC_KEY=server.KEY.public)
        assert f":{port} " in refused(server.run(["up", "--port", port], given, tmp_path), "port_taken")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("command", [("worker",), ("serve", "--port", "0"), ("migrate",), ("demo",)], ids=" ".join)
def test_database_that_cannot_be_reached_is_refused(tmp_path: Path, command: Sequence[str]) -> None:
    """Nobody listens there: one sentence says where, and not with which password."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        url = f"postgresql://ada:{SECRET}@127.0.0.1:{port}/audit"
        given = homes.environment(tmp_path, DATABASE_URL=url, TELNYX_PUBLIC_KEY=server.KEY.public)
        assert str(port) in refused(server.run(command, given, tmp_path), "database_refused")


@pytest.mark.parametrize(
    "command",
    [
        ("log", "stats"),
        ("calls", "list"),
        ("worker",),
        ("serve", "--port", "0"),
        ("report", "run", "siprec_sessions"),
        ("rebuild", "--check"),
    ],
    ids=" ".join,
)
def test_database_without_schema_is_refused(bare: Database, tmp_path: Path, command: Sequence[str]) -> None:
    """The sentence says what to run, to the owner and to each part's own role."""
    assert "`callaudit migrate`" in refused(run(bare, tmp_path, *command), "schema_missing")
    if command[0] == "worker":
        refused(run(bare, tmp_path, *command, CALLAUDIT_WORKER_DATABASE_URL=""), "schema_missing")


@pytest.fixture(scope="module")
def bare(clone: Callable[..., Database]) -> Database:
    """Give a database that has not been migrated, beside one that has (so that the roles exist)."""
    beside = clone()
    with psycopg.connect(beside.url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(f"{name}_bare")))
    return Database(beside.url.replace(f"/{name}?", f"/{name}_bare?"))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (["siprec_sessions", "--out", "out", "--format", "csv,doc"], "format_unknown"),
        (["siprec_sessions", "--out", "a file/below"], "out_unwritable"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_report_that_cannot_be_run_is_refused(told: Database, tmp_path: Path, asked: list[str], reason: str) -> None:
    """What is wrong with the question, and no file is written."""
    (tmp_path / "a file").touch()
    refused(run(told, tmp_path, "report", "run", *asked), reason)
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]


@pytest.mark.parametrize("command", ["serve", "up"])
def test_home_that_cannot_be_used_is_refused(told: Database, tmp_path: Path, command: str) -> None:
    """The key that seals recording URLs, or the embedded database, has nowhere to be."""
    settings = {"CALLAUDIT_HOME": "/proc/nowhere", "TELNYX_PUBLIC_KEY": server.KEY.public}
    if command == "serve":
        given, reason = server.environment(told, tmp_path, **settings), "sealing_key_unusable"
    else:
        given, reason = homes.environment(tmp_path, **settings), "postgres_home_unusable"
    refused(server.run([command, "--port", "0"], given, tmp_path), reason)


@dataclass(frozen=True, slots=True)
class IngestOnly:
    """A database of which only the ingest role's URL is known, and an empty home."""

    database: Database
    home: Path
    given: Mapping[str, str]


@pytest.fixture
def ingest_only(database: Database, tmp_path: Path) -> IngestOnly:
    """Know only where events go."""
    url = server.as_role(database.url, "callaudit_ingest")
    home = tmp_path / "home"
    settings = {"CALLAUDIT_INGEST_DATABASE_URL": url, "TELNYX_PUBLIC_KEY": server.KEY.public}
    return IngestOnly(database, home, homes.environment(home, **settings))


def test_serve_needs_only_the_ingest_url(ingest_only: IngestOnly, tmp_path: Path) -> None:
    """It takes webhooks into that database, starts no Postgres of its own, and ends with 0."""
    with server.started(["serve", "--port", "0"], ingest_only.given, tmp_path) as (process, said):
        homes.until(lambda: said)
        url = said[0].removeprefix("listening on ")
        running = Up(ingest_only.home, url, process, said)
        assert running.post(server.webhook(1)) == 200
        assert server.stop(process) == 0
    assert journal.value(ingest_only.database, "SELECT count(*) FROM log.events WHERE source = 'webhook'") == 1
    assert {path.name for path in ingest_only.home.iterdir()} <= {"keys", "metrics", "spool"}


@pytest.mark.parametrize("command", [("migrate",), ("log", "stats"), ("calls", "list")], ids=" ".join)
def test_what_needs_more_than_the_ingest_url_is_refused(
    ingest_only: IngestOnly, tmp_path: Path, command: Sequence[str]
) -> None:
    """It is not done in an embedded database instead, where nothing would be found."""
    assert "DATABASE_URL" in refused(server.run(command, ingest_only.given, tmp_path), "settings_refused")
    assert not ingest_only.home.exists()
