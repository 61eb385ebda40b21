"""Schedules on the command line, and the worker that runs them."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import orjson
import psycopg
import pytest

from tests.acceptance import server
from tests.acceptance.home import until
from tests.conftest import Database

ADD = ["--report", "siprec_sessions", "--cron", "0 6 * * *", "--zone", "Europe/London", "--period", "yesterday"]


class Program:
    """The program over one database and home, from a directory of its own."""

    def __init__(self, database: Database, home: Path) -> None:
        self._given = server.environment(database, home)
        self._home = home
        self._url = database.url

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``callaudit schedule <arguments>``."""
        return server.run(["schedule", *arguments], self._given, self._home)

    def json(self, *arguments: str) -> Any:
        """Run it and read what it prints."""
        ended = self.run(*arguments, "--json")
        assert ended.returncode == 0, ended.stderr
        return orjson.loads(ended.stdout)

    def change(self, statement: LiteralString) -> None:
        """Change what is kept, as time would have."""
        with psycopg.connect(self._url, autocommit=True) as owner:
            owner.execute(statement)


def test_schedule_is_added_run_listed_and_removed(database: Database, tmp_path: Path) -> None:
    """Each step says what it did; a due time is delivered once, whoever asks."""
    program, out = Program(database, tmp_path), tmp_path / "out"
    (added,) = program.json("add", "daily", *ADD, "--format", "csv,json", "--out", "out")
    assert (added["schedule"], added["by"], added["formats"]) == ("daily", None, ["csv", "json"])
    assert added["destination"] == str(out)
    assert added["next_due_at"].endswith(("05:00:00.000000Z", "06:00:00.000000Z"))
    assert program.json("list") == [added]
    assert program.json("runs", "daily") == []

    early = program.run("run", "daily", "--due", "2026-11-25T06:00:00Z")
    assert (early.returncode, early.stderr.endswith("[due_refused]\n")) == (2, True)
    program.change("UPDATE reports.schedules SET created_at = '2026-11-01'")
    (added,) = program.json("list")
    (ran,) = program.json("run", "daily", "--due", "2026-11-25T06:00:00Z")
    folder = out / "daily" / "2026-11-25T060000Z"
    assert sorted(ran["files"]) == sorted(map(str, folder.iterdir()))
    assert (ran["state"], ran["period_from"], ran["period_to"]) == ("delivered", "2026-11-24", "2026-11-25")
    again = program.run("run", "daily", "--due", "2026-11-25T06:00:00Z")
    assert (again.returncode, again.stderr.endswith("[run_delivered]\n")) == (2, True)
    assert program.json("runs") == [ran]
    (now,) = program.json("run", "daily")
    assert datetime.now(UTC) - datetime.fromisoformat(now["due_at"]) < timedelta(minutes=5)

    assert "is paused" in program.run("pause", "daily").stderr
    assert program.json("list")[0]["paused_at"] is not None
    assert "due next at" in program.run("resume", "daily").stderr
    assert "delivered" in program.run("runs", "daily").stdout
    assert program.run("remove", "daily").stderr == "schedule daily is removed\n"
    assert program.json("list") == []
    assert len(program.json("runs", "daily")) == 2


@pytest.mark.parametrize(
    ("changed", "reason", "says"),
    [
        (["--cron", "0 25 * * *"], "cron_refused", "the hour '25'"),
        (["--zone", "Mars/Olympus"], "zone_unknown", "Mars/Olympus"),
        (["--report", "horoscope"], "report_unknown", "siprec_sessions"),
        (["--period", "someday"], "period_unknown", "last-month"),
        (["--format", "wav"], "format_unknown", "csv"),
        (["--out", "s3://me:secret@bucket"], "destination_refused", "credentials"),
    ],
)
def test_what_could_never_run_is_refused_in_a_sentence(
    database: Database, tmp_path: Path, changed: list[str], reason: str, says: str
) -> None:
    """Exit code 2, a reason, and nothing kept."""
    program = Program(database, tmp_path)
    ended = program.run("add", "daily", *ADD, "--out", "out", *changed)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.endswith(f"[{reason}]\n")
    assert ended.stderr.count("\n") == 1
    assert says in ended.stderr
    assert "secret" not in ended.stderr
    assert program.json("list") == []


def test_destination_that_cannot_be_written_is_warned_of(database: Database, tmp_path: Path) -> None:
    """It may be there later; a run by hand says that it failed, and stays to be tried again."""
    (tmp_path / "out").write_text("in the way")
    program = Program(database, tmp_path)
    added = program.run("add", "daily", *ADD, "--out", "out")
    assert added.returncode == 0
    assert added.stderr.endswith("[destination_unavailable]\n")
    ran = program.run("run", "daily")
    assert (ran.returncode, ran.stderr.endswith("[destination_unavailable]\n")) == (1, True)
    assert [run["state"] for run in program.json("runs")] == ["failed"]
    for wrong in (["run", "weekly"], ["runs", "weekly"], ["remove", "weekly"], ["run", "daily", "--due", "noon"]):
        assert program.run(*wrong).returncode == 2


def test_worker_runs_what_is_due_and_metrics_show_what_is_late(database: Database, tmp_path: Path) -> None:
    """A due time of before the worker started is late until it is there, and then delivered, beside the sealing."""
    program = Program(database, tmp_path)
    program.json("add", "daily", *ADD, "--out", "out")
    program.change(
        "UPDATE reports.schedules SET created_at = now() - interval '1 day', planned_until = now() - interval '1 day',"
        " next_due_at = now() - interval '1 hour'"
    )
    with server.serving(database, tmp_path) as site:

        def figure(name: str) -> float:
            text = site.client.get("/metrics").text
            return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"callaudit_{name} ")))

        assert figure("report_late_seconds") >= 3_600
        with server.working(database, tmp_path):
            until(lambda: [run["state"] for run in program.json("runs")] == ["delivered"])
            until(lambda: figure("report_late_seconds") == 0)
        assert (figure("reports_failed"), figure("reports_given_up")) == (0, 0)
    assert len(list((tmp_path / "out" / "daily").iterdir())) == 1
