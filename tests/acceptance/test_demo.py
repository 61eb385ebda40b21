"""``callaudit demo`` as anybody may run it: anywhere, twice, two at once, beside other databases, not as root."""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from callaudit import cli, comparison
from callaudit.commands import demo
from callaudit.settings import Settings
from tests.acceptance import home as homes
from tests.acceptance import server
from tests.conftest import Database

AGREES = "compared: every row, count and report equals the simulator's truth"
COMMANDS_AGREE = "compared: what the double of Telnyx did is what is on record, command by command"
CALLS = 20
OTHER_USER = 65_534
OTHER_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def start(
    home: Path, calls: int = CALLS, *, python: str = sys.executable, uid: int | None = None, **settings: str
) -> subprocess.Popen[str]:
    """Start a demo in a home."""
    home.mkdir(exist_ok=True)
    return subprocess.Popen(
        [python, "-m", "callaudit", "demo", "--calls", str(calls)],
        env=homes.environment(home, **settings),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
    )


def succeeds(process: subprocess.Popen[str], calls: int = CALLS) -> str:
    """See that a demo ends well, and give what it printed."""
    with process:
        try:
            printed, said = process.communicate(timeout=2 * server.DEADLINE_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0, printed + said
    assert AGREES in printed
    assert COMMANDS_AGREE in printed
    assert "siprec_stop by ada@desk, confirmed (stopped): card number follows" in printed
    assert "not_sealed" not in said
    assert re.search(
        r"^recorded: \d+ of \d+ legs in full, \d+ not known; \d+\.\d % to \d+\.\d % of", printed, re.MULTILINE
    )
    assert printed.startswith(f"{calls} calls, ")
    assert "Traceback" not in said
    assert "process_died" not in said
    return printed


def written(printed: str) -> list[Path]:
    """Give the paths that a demo says it wrote."""
    lines = printed.partition("\nwritten:\n")[2].partition("\n\n")[0]
    return [Path(line.strip()) for line in lines.splitlines()]


def events(database: Database) -> int:
    """Count what is in a database's log and what was refused there."""
    with psycopg.connect(database.url) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM log.events) + (SELECT coalesce(sum(refused), 0) FROM intake.rejection_counts)"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_demo_runs_again_and_beside_another(tmp_path: Path) -> None:
    """Two at once in different homes, then one of them again: each agrees with the truth and wrote what it says."""
    one, other = tmp_path / "with a space", tmp_path / "it's é + 100%"
    for process, home in [(start(one, 60), one), (start(other, 60), other)]:
        assert {path.parent for path in written(succeeds(process, 60))} == {home / "demo" / "reports"}
    printed = succeeds(start(one))
    paths = written(printed)
    assert len(paths) == len(demo.BREAKDOWNS) * 4
    assert all(path.stat().st_size for path in paths)
    assert homes.family(one) == {}

    (hint,) = re.findall(r"Look further: (.*)", printed)
    setting, *command = shlex.split(hint)
    assert command == ["callaudit", "calls", "list"]
    listed = server.run(["calls", "list"], homes.environment(Path(setting.partition("=")[2])), tmp_path)
    assert (listed.returncode, listed.stdout.count("\n")) == (0, 1 + CALLS + 1)  # a heading, and the live call


@pytest.fixture
def cleared(database: Database) -> Generator[Database]:
    """Give a migrated, empty database whose server has no demo's database before and after."""
    clear = f"DROP DATABASE IF EXISTS {demo.DATABASE} WITH (FORCE)".encode()
    for moment in ("before", "after"):
        with psycopg.connect(conninfo.make_conninfo(database.url, dbname="postgres"), autocommit=True) as admin:
            admin.execute(clear)
        if moment == "before":
            yield database


PARTS = ("CALLAUDIT_INGEST_DATABASE_URL", "CALLAUDIT_WORKER_DATABASE_URL", "CALLAUDIT_QUERY_DATABASE_URL")


@pytest.mark.parametrize(
    ("place", "names"),
    [("environment", PARTS), ("file", ("DATABASE_URL", *PARTS))],
    ids=["parts in the environment", "all in a file"],
)
def test_demo_writes_to_no_database_but_its_own(
    cleared: Database, tmp_path: Path, place: str, names: Sequence[str]
) -> None:
    """Whatever the environment or ``.env`` names, not one event and not one refusal goes there."""
    given = server.environment(cleared, tmp_path, TELNYX_PUBLIC_KEY=OTHER_KEY, CALLAUDIT_MASK_TRANSCRIPTS="false")
    poison = {name: given[name] for name in (*names, "TELNYX_PUBLIC_KEY", "CALLAUDIT_MASK_TRANSCRIPTS")}
    poison["CALLAUDIT_WEBHOOK_TOLERANCE_SECONDS"] = "0.000001"
    home = tmp_path / "home"
    home.mkdir()
    if place == "file":
        (home / ".env").write_text("".join(f"{name}={json.dumps(value)}\n" for name, value in poison.items()))
        poison = {}
    printed = succeeds(start(home, **poison))
    assert events(cleared) == 0
    own = conninfo.make_conninfo(cleared.url, dbname=demo.DATABASE)
    if "DATABASE_URL" in names:
        assert printed.endswith(f"In database {demo.DATABASE}.\n")
        assert events(Database(own)) > CALLS
    else:
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(own)


def test_demo_ends_with_one_when_something_differs(
    cleared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict counts the differences, the first ones are shown, and the exit code says no.

    This one has its database on the server that the environment names, and leaves the named database alone too.
    """
    wrong = [f"call_legs: leg-{number} is missing" for number in range(30)]
    monkeypatch.setattr(comparison, "rows", lambda *_: iter(wrong))
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    monkeypatch.setenv("CALLAUDIT_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", cleared.url)
    monkeypatch.setattr(sys, "argv", ["callaudit", "demo", "--calls", "2"])
    monkeypatch.chdir(tmp_path)

    assert cli._run(cli.build(["demo"])) == 1
    printed = capsys.readouterr().out
    assert "compared: 30 differences" in printed
    assert AGREES not in printed
    assert re.findall(r"differs from the truth: (.*)", printed) == wrong[: demo.DIFFERENCES_SHOWN_MAX]
    assert events(cleared) == 0


@pytest.fixture
def open_home() -> Generator[Path]:
    """Give an empty directory that another user owns and can reach."""
    with tempfile.TemporaryDirectory(prefix="callaudit-test-") as directory:
        os.chown(directory, OTHER_USER, OTHER_USER)
        yield Path(directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: the other tests show it")
def test_demo_runs_without_root(open_home: Path) -> None:
    """Another user, with nothing of root's, needs no more than a directory."""
    packages = Path(psycopg.__path__[0]).parent
    modules = {"PYTHONPATH": f"{server.REPOSITORY}{os.pathsep}{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
    given = {"HOME": "/nonexistent", **modules}
    python = next((each for each in (sys.executable, "/usr/bin/python3") if _runs(each, given)), None)
    if python is None:
        pytest.skip("no Python with these packages that another user can reach")
    succeeds(start(open_home, python=python, uid=OTHER_USER, **given))
    assert {path.stat().st_uid for path in open_home.rglob("*")} == {OTHER_USER}


def _runs(python: str, given: Mapping[str, str]) -> bool:
    command = [python, "-c", "import callaudit.commands.demo, pandas, uvicorn"]
    try:
        done = subprocess.run(
            command, env=dict(given), cwd="/", check=False, user=OTHER_USER, group=OTHER_USER, extra_groups=[]
        )
    except OSError:
        return False
    return done.returncode == 0
