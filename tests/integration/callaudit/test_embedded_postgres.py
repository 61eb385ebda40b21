"""The life of an embedded Postgres, with real servers and real kill -9, on each Postgres at hand."""

import contextlib
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from callaudit import postgres

REPOSITORY = Path(__file__).parents[3]
MODULES = os.pathsep.join((str(REPOSITORY), str(Path(psycopg.__path__[0]).parent)))
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
DEADLINE_S = 30
USER = """
import sys
from pathlib import Path
from callaudit import postgres
with postgres.embedded(Path(sys.argv[1]), bindir=Path(sys.argv[2]) if sys.argv[2:] else None) as server:
    print(server.started, server.url(), flush=True)
    sys.stdin.read()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@pytest.fixture(params=[None, DEBIAN_15], ids=["found", "debian 15"])
def bindir(request: pytest.FixtureRequest) -> Path | None:
    """Give the Postgres this machine finds first, then Debian's 15."""
    if request.param is not None and not request.param.exists():
        pytest.skip(f"no {request.param}")
    return request.param


@pytest.fixture
def open_home() -> Generator[Path]:
    """Give an empty directory that other users can reach."""
    with tempfile.TemporaryDirectory(prefix="callaudit-test-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def arrive(
    home: Path,
    bindir: Path | None = None,
    *,
    python: str = sys.executable,
    env: dict[str, str] | None = None,
    uid: int | None = None,
) -> subprocess.Popen[str]:
    """Start another process that uses the server until its standard input ends."""
    return subprocess.Popen(
        [python, "-c", USER, str(home), *([str(bindir)] if bindir else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**(os.environ if env is None else env), "PYTHONPATH": MODULES},
        cwd="/",
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
    )


def says(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Give `started` and the URL, once the process has its server."""
    assert process.stdout is not None
    started, _, url = process.stdout.readline().strip().partition(" ")
    return started, url


def leave(process: subprocess.Popen[str]) -> None:
    """Let the process end its use, and wait until it has ended."""
    process.communicate(timeout=DEADLINE_S)
    process.wait(DEADLINE_S)


@contextlib.contextmanager
def user_process(
    home: Path, bindir: Path | None = None, **options: Any
) -> Generator[tuple[subprocess.Popen[str], str, str]]:
    """Have another process use the server during the block."""
    process = arrive(home, bindir, **options)
    try:
        yield process, *says(process)
    finally:
        leave(process)


def until(condition: Callable[[], bool]) -> None:
    """Wait for the condition, at most DEADLINE_S."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def value(url: str, query: str) -> object:
    """Give the one value a query gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def execute(url: str, *statements: str) -> None:
    """Run statements, each in its own transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def answers(url: str) -> bool:
    """Say whether the server takes connections."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def postmaster(home: Path) -> int:
    """Give the process number of the server."""
    return int((home / "postgres/data/postmaster.pid").read_text().split("\n")[0])


def is_there(home: Path) -> bool:
    """Say whether a server has written down who it is."""
    file = home / "postgres/data/postmaster.pid"
    return file.exists() and bool(file.read_text())


def supervisor(home: Path) -> int:
    """Give the process number of the supervisor, the server's parent."""
    return int(Path(f"/proc/{postmaster(home)}/stat").read_text().rpartition(")")[2].split()[1])


def is_gone(pid: int) -> bool:
    """Say whether the process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_data_is_there_when_a_server_is_started_again(tmp_path: Path, bindir: Path | None) -> None:
    """A cold start makes the cluster, a warm start finds it, and each use stops what it started."""
    with postgres.embedded(tmp_path, bindir=bindir) as server:
        assert server.started
        execute(server.url(), "create table kept as select 42 as x")
        cold = postmaster(tmp_path)
    assert is_gone(cold)
    with postgres.embedded(tmp_path, bindir=bindir) as server:
        assert server.started
        assert value(server.url(), "select x from kept") == 42


def test_server_is_durable_private_and_utf8(tmp_path: Path, bindir: Path | None) -> None:
    """Commits reach the disk, pages have checksums, text is UTF-8, and only the socket's owner gets in."""
    with postgres.embedded(tmp_path, bindir=bindir) as server:
        shown = {name: value(server.url(), f"show {name}") for name in (
            "fsync", "synchronous_commit", "full_page_writes", "data_checksums", "server_encoding",
            "lc_collate" if bindir else "listen_addresses", "listen_addresses",
        )}  # fmt: skip
        assert shown.pop("lc_collate", "C.UTF-8") == "C.UTF-8"
        assert shown.pop("listen_addresses") == ""
        assert shown.pop("server_encoding") == "UTF8"
        assert set(shown.values()) == {"on"}
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


def test_caller_settings_win(tmp_path: Path) -> None:
    """A setting the caller names goes over the default."""
    with postgres.embedded(tmp_path, settings={"max_connections": "17"}) as server:
        assert value(server.url(), "show max_connections") == "17"


def test_second_user_attaches_and_the_last_to_leave_stops(tmp_path: Path) -> None:
    """The server outlives the process that started it, and has ended when the last use ends."""
    with user_process(tmp_path) as (first, first_started, url):
        assert first_started == "True"
        with postgres.embedded(tmp_path) as server:
            assert not server.started
            assert server.url() == url
            leave(first)
            assert first.returncode == 0
            assert answers(server.url())
            pid = postmaster(tmp_path)
    assert is_gone(pid)


def test_ensure_holds_the_server_until_the_process_ends(tmp_path: Path) -> None:
    """Without a block, the server is used for the rest of the process's life, and stopped at its end."""
    program = "import sys; from pathlib import Path; from callaudit import postgres; "
    program += "print(postgres.ensure(Path(sys.argv[1])).url())"
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("postgresql://")
    assert not (tmp_path / "postgres/data/postmaster.pid").exists()


def test_fork_that_ends_does_not_stop_the_server(tmp_path: Path) -> None:
    """A forked child that leaves the block takes nothing from its parent."""
    fork = "import os, psycopg; os.fork() or sys.exit(); os.wait(); psycopg.connect(server.url()).close()"
    program = USER.replace("sys.stdin.read()", fork)
    subprocess.run([sys.executable, "-c", program, tmp_path], cwd=REPOSITORY, check=True)
    assert not (tmp_path / "postgres/data/postmaster.pid").exists()


def test_server_stops_when_all_users_were_killed(tmp_path: Path) -> None:
    """Killing every user (-9) leaves no server behind."""
    with user_process(tmp_path) as (first, *_), user_process(tmp_path) as (second, started, _):
        assert started == "False"
        pid, owner = postmaster(tmp_path), supervisor(tmp_path)
        first.kill()
        second.kill()
        until(lambda: is_gone(pid) and is_gone(owner))


def test_server_is_started_again_when_it_was_killed(tmp_path: Path, bindir: Path | None) -> None:
    """Killing the server (-9) loses no commit; the supervisor starts it again, and the next use joins."""
    with postgres.embedded(tmp_path, bindir=bindir) as server:
        execute(server.url(), "create table kept (x int)", *["insert into kept values (1)"] * 50)
        pid = postmaster(tmp_path)
        os.kill(pid, signal.SIGKILL)
        with postgres.embedded(tmp_path) as again:
            until(lambda: answers(again.url()))
            assert not again.started
            assert value(again.url(), "select count(*) from kept") == 50
            assert postmaster(tmp_path) != pid


def test_server_is_started_again_when_it_was_killed_while_it_recovered(tmp_path: Path, bindir: Path | None) -> None:
    """Once it has served, its users count on it: however often a start fails, the next is tried."""
    with postgres.embedded(tmp_path, bindir=bindir) as server:
        for _ in range(3):
            pid = postmaster(tmp_path)
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: is_there(tmp_path) and postmaster(tmp_path) != pid)
        until(lambda: answers(server.url()))


def test_server_starts_again_only_when_nothing_of_the_killed_one_is_left(tmp_path: Path, bindir: Path | None) -> None:
    """A process of the killed server that lives on delays the next one, but does not make it fail."""
    with postgres.embedded(tmp_path, bindir=bindir) as server:
        with psycopg.connect(server.url()) as connection:
            backend, pid = connection.info.backend_pid, postmaster(tmp_path)
            os.kill(backend, signal.SIGSTOP)
            os.kill(pid, signal.SIGKILL)
            until(lambda: "waiting for the last process" in server.log.read_text())
            assert not answers(server.url())
            os.kill(backend, signal.SIGCONT)
        until(lambda: answers(server.url()))


def test_killed_supervisor_takes_the_server_along(tmp_path: Path, bindir: Path | None) -> None:
    """Killing the supervisor (-9) stops the server; the next use starts another, though others remain."""
    with postgres.embedded(tmp_path, bindir=bindir) as server:
        execute(server.url(), "create table kept as select 42 as x")
        pid = postmaster(tmp_path)
        os.kill(supervisor(tmp_path), signal.SIGKILL)
        until(lambda: is_gone(pid))
        with postgres.embedded(tmp_path, bindir=bindir) as again:
            assert again.started
            assert value(again.url(), "select x from kept") == 42


def test_data_recovers_when_server_and_supervisor_were_killed(tmp_path: Path, bindir: Path | None) -> None:
    """Nothing acknowledged is lost when both die at once."""
    with postgres.embedded(tmp_path, bindir=bindir) as server:
        execute(server.url(), "create table kept as select 42 as x")
        for victim in (supervisor(tmp_path), postmaster(tmp_path)):
            os.kill(victim, signal.SIGKILL)
        with postgres.embedded(tmp_path, bindir=bindir) as again:
            assert value(again.url(), "select x from kept") == 42


@pytest.mark.parametrize("holder", ["another program", "a zombie"])
def test_stale_pid_file_is_no_obstacle(tmp_path: Path, bindir: Path | None, holder: str) -> None:
    """A postmaster.pid that names another program by now, or a zombie nobody reaps, stops no start."""
    with postgres.embedded(tmp_path, bindir=bindir) as server:
        pid_file = server.data / "postmaster.pid"
        left = pid_file.read_text().split("\n", 1)[1]
    with subprocess.Popen(["sleep", "60"]) as other:
        if holder == "a zombie":
            other.kill()
            until(lambda: is_gone(other.pid))
        pid_file.write_text(f"{other.pid}\n{left}")
        try:
            with postgres.embedded(tmp_path, bindir=bindir) as server:
                assert answers(server.url())
        finally:
            other.kill()


def test_server_started_by_hand_is_left_alone(tmp_path: Path) -> None:
    """A live postgres on the same data, not ours, is refused and survives."""
    # Started through a first home, whose lock files are then lost: nothing ties it to the instance any more.
    with postgres.embedded(tmp_path) as server:
        pid = postmaster(tmp_path)
        for lock in ("owner.lock", "server.lock", "users.lock"):
            (tmp_path / "postgres" / lock).unlink()
        with pytest.raises(postgres.StartFailed, match=f"process {pid}"), postgres.embedded(tmp_path):
            pass
        assert not is_gone(pid)
        assert value(server.url(), "select 1") == 1
        os.kill(supervisor(tmp_path), signal.SIGTERM)
        until(lambda: is_gone(pid))


@pytest.mark.parametrize("name", ["with space", "a,b", 'o\'clock "%41" é', "deep/" + "d" * 120])
def test_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Spaces, quotes, commas and paths too long for a socket work, twice, and leave nothing outside."""
    outside = Path(tempfile.gettempdir())
    used: set[Path] = set()
    for _ in range(2):
        with postgres.embedded(tmp_path / name) as server:
            assert value(server.url(), "show data_directory") == str(server.data)
            used.add(server.socket_dir)
            with postgres.embedded(tmp_path / name) as second:
                assert second.socket_dir == server.socket_dir
    assert not [directory for directory in used if directory.parent == outside and directory.exists()]


def test_killed_supervisor_leaves_one_temporary_directory(tmp_path: Path) -> None:
    """The socket's directory outside the home is used again after a kill -9."""
    home = tmp_path / ("d" * 120)
    with postgres.embedded(home) as server:
        pid = postmaster(home)
        os.kill(supervisor(home), signal.SIGKILL)
        until(lambda: is_gone(pid))
        with postgres.embedded(home) as again:
            assert again.started
            assert again.socket_dir == server.socket_dir
    assert not server.socket_dir.exists()


def test_two_homes_at_once(tmp_path: Path) -> None:
    """Two homes have two servers that know nothing of each other."""
    with postgres.embedded(tmp_path / "one") as one, postgres.embedded(tmp_path / "two") as two:
        execute(one.url(), "create table here as select 1")
        assert value(two.url(), "select to_regclass('here')") is None


def test_one_of_many_that_come_at_once_starts(tmp_path: Path) -> None:
    """Processes that find no server at the same moment agree on one."""
    arrived = [arrive(tmp_path) for _ in range(4)]
    said = [says(process) for process in arrived]
    for process in arrived:
        leave(process)
    assert sorted(started for started, _ in said) == ["False", "False", "False", "True"]
    assert len({url for _, url in said}) == 1
    assert not (tmp_path / "postgres/data/postmaster.pid").exists()


def test_data_of_another_major_is_refused(tmp_path: Path) -> None:
    """Data of another major version is left alone, with one sentence that names both versions."""
    with postgres.embedded(tmp_path) as server:
        version = server.data / "PG_VERSION"
    version.write_text("13\n")
    with pytest.raises(postgres.OtherMajor, match=r"by Postgres 13, the binaries here are Postgres \d+") as raised:
        postgres.embedded(tmp_path).__enter__()
    assert raised.value.reason == "postgres_other_major"


def test_missing_binaries_say_what_to_do(tmp_path: Path) -> None:
    """A directory without programs gives the one stable reason."""
    with (
        pytest.raises(postgres.BinariesMissing, match="DATABASE_URL") as raised,
        postgres.embedded(tmp_path, bindir=tmp_path),
    ):
        pass
    assert raised.value.reason == "postgres_binaries_missing"


def test_failed_start_shows_the_log_and_leaves_nothing_locked(tmp_path: Path) -> None:
    """A server that ends before it is ready gives the tail of its log; the next start works."""
    with (
        pytest.raises(postgres.StartFailed, match="invalid value for parameter"),
        postgres.embedded(tmp_path, settings={"shared_buffers": "much"}),
    ):
        pass
    with postgres.embedded(tmp_path) as server:
        assert answers(server.url())


def test_failed_initdb_shows_what_it_said_and_leaves_no_half_cluster(tmp_path: Path) -> None:
    """A broken initdb is reported with its words; a good one then starts afresh."""
    broken = tmp_path / "broken"
    broken.mkdir()
    program = broken / "initdb"
    program.write_text('#!/bin/sh\nfor last; do :; done\ntouch "$last/half"\necho no space left\nexit 1\n')
    with postgres.embedded(tmp_path / "other") as server:
        real = Path(f"/proc/{postmaster(tmp_path / 'other')}/exe").readlink()
        assert answers(server.url())
    (broken / "postgres").symlink_to(real)
    program.chmod(0o755)
    home = tmp_path / "home"
    with pytest.raises(postgres.StartFailed, match="no space left"), postgres.embedded(home, bindir=broken):
        pass
    with postgres.embedded(home) as server:
        assert not (server.data / "half").exists()


def test_log_and_processes_hold_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither row contents and statements nor our environment reach the server's log or its processes."""
    monkeypatch.setenv("TELNYX_API_KEY", "KEY-0123")
    with postgres.embedded(tmp_path) as server:
        execute(server.url(), "create table digits (d text primary key)", "insert into digits values ('4111')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            execute(server.url(), "insert into digits values ('4111')")
        for pid in (postmaster(tmp_path), supervisor(tmp_path)):
            assert b"KEY-0123" not in Path(f"/proc/{pid}/environ").read_bytes()
        log = server.log.read_text()
    assert "duplicate key" in log
    assert "4111" not in log
    assert stat.S_IMODE(server.log.stat().st_mode) == 0o600


@pytest.mark.parametrize("uid", [65534, 54321], ids=["named", "without a name"])
@as_root
def test_user_who_is_not_root_needs_nothing(open_home: Path, bindir: Path | None, uid: int) -> None:
    """Without root it just runs; a number without a name is given one in a user namespace."""
    if uid == 54321 and not runs(uid, "unshare", "--user", "true"):
        pytest.skip("no user namespace for ordinary users here")
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    pythons = (sys.executable, "/usr/bin/python3")
    python = next((python for python in pythons if runs(uid, python, "-c", check)), None)
    if python is None:
        pytest.skip("no Python that another user can reach")
    os.chown(open_home, uid, uid)
    home, env = open_home / "home", {"PATH": os.defpath}
    with user_process(home, bindir, python=python, env=env, uid=uid) as (_, started, url):
        assert started == "True"
        assert (home / "postgres/data").stat().st_uid == uid
        assert answers(url)


def runs(uid: int, *command: str) -> bool:
    """Say whether this user can run the command, and it succeeds."""
    try:
        done = subprocess.run(command, cwd="/", check=False, user=uid, group=uid, extra_groups=[])
    except OSError:
        return False
    return done.returncode == 0


@pytest.fixture
def postgres_user() -> pwd.struct_passwd:
    """Give the system user `postgres`."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("no user postgres")


@pytest.fixture
def no_unshare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the program that makes user namespaces, as on a machine that has none."""
    monkeypatch.setenv("PATH", str(tmp_path))


@as_root
@pytest.mark.usefixtures("no_unshare")
def test_root_without_namespaces_runs_as_postgres(open_home: Path, postgres_user: pwd.struct_passwd) -> None:
    """Root falls back to the user postgres, and a later start keeps to the owner of the data."""
    with postgres.embedded(open_home / "home") as server:
        assert server.data.stat().st_uid == postgres_user.pw_uid
        pid = postmaster(open_home / "home")
        assert Path(f"/proc/{pid}").stat().st_uid == postgres_user.pw_uid
        os.kill(supervisor(open_home / "home"), signal.SIGKILL)
        until(lambda: is_gone(pid))
    with user_process(open_home / "home", env={"PATH": os.defpath}) as (
        _,
        _,
        url,
    ):
        assert answers(url)
        assert Path(f"/proc/{postmaster(open_home / 'home')}").stat().st_uid == postgres_user.pw_uid


@as_root
@pytest.mark.usefixtures("no_unshare", "postgres_user")
def test_directory_postgres_cannot_reach_is_refused_and_stays_closed(open_home: Path) -> None:
    """No permission of a parent is loosened; the error says what to do."""
    closed = open_home / "closed"
    closed.mkdir(0o700)
    with pytest.raises(postgres.HomeUnusable, match="DATABASE_URL"), postgres.embedded(closed / "home"):
        pass
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_home_of_another_user_is_refused(open_home: Path) -> None:
    """Root does not write into somebody's instance, where it would leave files that user cannot open."""
    (open_home / "postgres").mkdir(0o700)
    os.chown(open_home / "postgres", 65534, 65534)
    with pytest.raises(postgres.HomeUnusable, match="65534"), postgres.embedded(open_home):
        pass


def test_comings_and_goings_never_fail(tmp_path: Path) -> None:
    """Processes that come and go at random moments always find a server that answers."""
    program = USER.replace("sys.stdin.read()", "psycopg.connect(server.url()).close()")
    loop = "import psycopg\n" + "".join(f"\n{program}" for _ in range(5))
    with contextlib.ExitStack() as users:
        crowd = [
            users.enter_context(
                subprocess.Popen([sys.executable, "-c", loop, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.DEVNULL)
            )
            for _ in range(3)
        ]
    assert [process.returncode for process in crowd] == [0, 0, 0]


@given(
    directory=st.text(st.characters(codec="utf-8", exclude_characters="\0,"), min_size=1),
    user=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    dbname=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)
def test_url_carries_any_name(directory: str, user: str, dbname: str) -> None:
    """The URL gives libpq exactly the directory, role and database put in."""
    server = postgres.Running(Path("/" + directory), Path("/data"), Path("/log"), started=True)
    read = conninfo_to_dict(server.url(user, dbname))
    assert (read["host"], read["user"], read["dbname"]) == (str(server.socket_dir), user, dbname)
