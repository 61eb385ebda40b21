"""Schedules as the worker runs them: real reports, real folders and an object store, and workers that are killed."""

import hashlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import obstore
import orjson
import pytest
from obstore.store import LocalStore, from_url
from structlog.testing import capture_logs

from callaudit import production, scheduler
from calls import instants
from reports import delivery, scheduled, schedules
from reports.scheduled import Means, Pace, ScheduledRun
from tests.acceptance import server
from tests.acceptance.home import until
from tests.conftest import Database
from tests.integration.projections import journal
from tests.unit.calls import made

KILLED = Path(__file__).with_name("worker_that_is_killed.py")
FILES = ["siprec_sessions.csv", "siprec_sessions.json", "siprec_sessions.manifest.json"]
LOSE = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = 'callaudit schedules' AND datname = current_database() AND state = 'idle in transaction'
"""
STORE_KEYS = {
    "AWS_ACCESS_KEY_ID": "key-id-that-is-secret",
    "AWS_SECRET_ACCESS_KEY": "key-that-is-secret",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of an object store on this machine, with a bucket in it."""
    from moto.server import ThreadedMotoServer  # takes seconds, which every process of a run would wait for

    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    host, port = store.get_host_and_port()
    httpx.put(f"http://{host}:{port}/bucket", trust_env=False).raise_for_status()
    yield f"http://{host}:{port}"
    store.stop()


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a schedule delivers to, what the worker's environment needs for it, and a look at what lies there."""

    address: str
    environment: dict[str, str]
    store: Any

    def holds(self) -> dict[str, bytes]:
        """Give each file by its name."""
        paths = [each["path"] for batch in obstore.list(self.store) for each in batch]
        return {path: bytes(obstore.get(self.store, path).bytes()) for path in paths}


@pytest.fixture(params=["folder", "object store"])
def destination(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Destination:
    """A place of the test's own."""
    if request.param == "folder":
        folder = tmp_path / "delivered"
        return Destination(str(folder), {}, LocalStore(folder, mkdir=True))
    environment = {**STORE_KEYS, "AWS_ENDPOINT_URL": request.getfixturevalue("bucket")}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    address = f"s3://bucket/{tmp_path.name}"
    return Destination(address, environment, from_url(address))


def add(database: Database, destination: str, name: str = "nightly", *, due: int = 1, **other: Any) -> None:
    """Add a schedule that was due so many times by now, once a day, and is due next in half a day."""
    now = datetime.now(UTC)
    asked = {
        "schedule": name,
        "report": "siprec_sessions",
        "cron": f"0 {(now.hour + 12) % 24} * * *",
        "zone": "Europe/London",
        "period": "yesterday",
        "by": None,
        "formats": ["csv", "json"],
        "destination": destination,
    }
    with schedules.connect(database.as_part("worker")) as worker:
        schedules.add(worker, schedules.Asked(**{**asked, **other}), now - due * timedelta(days=1))


def runs(database: Database) -> list[ScheduledRun]:
    """Give the runs, the first due first."""
    with schedules.connect(database.as_part("analyst")) as analyst:
        return scheduled.listed(analyst, limit=1_000)[::-1]


def worker(database: Database, destination: Destination, home: Path, when: str) -> int:
    """Run what is due in a process of its own that may be killed; gives how it ended."""
    given = {**server.environment(database, home), **destination.environment}
    command = [sys.executable, str(KILLED), database.as_part("worker"), when]
    return subprocess.run(command, env=given, cwd=home, check=False, timeout=server.DEADLINE_SECONDS).returncode


def check_delivered_once(database: Database, destination: Destination) -> None:
    """See that one complete set lies there, and that the row says which."""
    (run,) = runs(database)
    assert (run.state, run.reason) == ("delivered", None)
    held = destination.holds()
    folder = f"nightly/{run.due_at:%Y-%m-%dT%H%M%SZ}"
    assert sorted(held) == [f"{folder}/{name}" for name in FILES]
    assert [address.removeprefix(f"{destination.address}/") for address in run.files] == sorted(held)
    manifest = held[f"{folder}/{FILES[2]}"]
    assert run.manifest_sha256 == hashlib.sha256(manifest).hexdigest()
    said = orjson.loads(manifest)
    assert said["period"] == {
        "from": run.period_from.isoformat(),
        "to": run.period_to.isoformat(),
        "zone": "Europe/London",
    }
    for each in said["files"]:
        assert hashlib.sha256(held[f"{folder}/{each['name']}"]).hexdigest() == each["sha256"]


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_run_of_a_worker_that_is_killed_is_delivered_once(
    database: Database, destination: Destination, tmp_path: Path, when: str
) -> None:
    """Between running and delivering, in the midst of it, and between delivering and saying so."""
    add(database, destination.address)
    assert worker(database, destination, tmp_path, when) == -signal.SIGKILL
    assert [run.state for run in runs(database)] == ["running"]
    before = destination.holds()
    assert len(before) == {"before": 0, "between": 2, "after": 3}[when]
    assert worker(database, destination, tmp_path, "never") == 0
    check_delivered_once(database, destination)
    assert runs(database)[0].attempts == 2
    assert before.items() <= destination.holds().items()
    assert worker(database, destination, tmp_path, "never") == 0
    assert runs(database)[0].attempts == 2


def test_set_that_was_delivered_counts_though_the_log_went_on(
    database: Database, destination: Destination, tmp_path: Path
) -> None:
    """What the dead worker delivered is the run: made again as of then it is the same, whatever came since."""
    add(database, destination.address)
    assert worker(database, destination, tmp_path, "after") == -signal.SIGKILL
    before = destination.holds()
    journal.write(database, [made.event("call.initiated", 0)])
    journal.projected(database, instants.SECOND)
    assert worker(database, destination, tmp_path, "never") == 0
    check_delivered_once(database, destination)
    assert destination.holds() == before


def test_workers_at_once_deliver_each_run_once(database: Database, destination: Destination, tmp_path: Path) -> None:
    """Three processes, five due times: fifteen files, and no attempt too many."""
    add(database, destination.address, due=5)
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda _: worker(database, destination, tmp_path, "never"), range(3)))
    assert ended == [0, 0, 0]
    assert worker(database, destination, tmp_path, "never") == 0
    assert [(run.state, run.attempts) for run in runs(database)] == [("delivered", 1)] * 5
    assert len(destination.holds()) == 15


def test_thread_of_the_worker_catches_up_what_was_missed(database: Database, tmp_path: Path) -> None:
    """Also what did not get its row at its first look."""
    add(database, str(tmp_path), due=5)
    stop = threading.Event()
    made_by = production.Production(database.as_part("worker"))
    means = Means(production.now, made_by.pin, made_by.produce, Pace(planned_max=2))
    with scheduler.running(database.as_part("worker"), stop, means, look_seconds=0.02):
        until(lambda: len(runs(database)) == 5 and {run.state for run in runs(database)} == {"delivered"})
    assert [run.attempts for run in runs(database)] == [1] * 5
    began = [run.started_at for run in runs(database) if run.started_at is not None]
    assert began == sorted(began)
    assert len([*tmp_path.rglob("*.manifest.json")]) == 5


def test_destination_that_is_away_gets_its_files_when_it_is_back(database: Database, tmp_path: Path) -> None:
    """The worker's thread says so, tries again, and says that it delivered; nothing of it stops the thread."""
    folder = tmp_path / "delivered"
    folder.write_text("in the way")
    add(database, str(folder))
    stop = threading.Event()
    made_by = production.Production(database.as_part("worker"))
    pace = Pace(first_wait=timedelta(milliseconds=50), longest_wait=timedelta(milliseconds=50), attempts_max=10_000)
    means = Means(production.now, made_by.pin, made_by.produce, pace)
    with capture_logs() as logged, scheduler.running(database.as_part("worker"), stop, means, look_seconds=0.02):
        until(lambda: runs(database) and runs(database)[0].attempts > 2)
        assert runs(database)[0].reason == "destination_unavailable"
        folder.unlink()
        until(lambda: runs(database)[0].state == "delivered")
    check_delivered_once(database, Destination(str(folder), {}, LocalStore(folder)))
    said = [entry["event"] for entry in logged]
    assert set(said) == {"report_failed", "report_delivered"}
    assert said[-1] == "report_delivered"


def test_run_that_loses_its_row_to_a_lost_connection_is_delivered_once(database: Database, tmp_path: Path) -> None:
    """Its files lie there already when the row is taken again; the thread says what it lost, and goes on."""
    folder = tmp_path / "delivered"
    add(database, str(folder))
    stop, lost = threading.Event(), list[int]()
    made_by = production.Production(database.as_part("worker"))

    def produce(schedule: schedules.Schedule, due_at: datetime, pinned: scheduled.Pinned) -> scheduled.Produced:
        produced = made_by.produce(schedule, due_at, pinned)
        if not lost:
            lost.append(journal.value(database, LOSE))
        return produced

    means = Means(production.now, made_by.pin, produce)
    with capture_logs() as logged, scheduler.running(database.as_part("worker"), stop, means, look_seconds=0.02):
        until(lambda: runs(database) and runs(database)[0].state == "delivered")
    assert lost == [1]
    assert runs(database)[0].attempts == 2
    check_delivered_once(database, Destination(str(folder), {}, LocalStore(folder)))
    assert [entry["event"] for entry in logged] == ["schedules_not_run", "report_delivered", "schedules_run_again"]
    assert logged[0]["reason"] == "database_lost"


def test_object_store_that_is_away_is_said_without_its_keys(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is in the row; the store's own message, which has its address and more, is nowhere."""
    for name, value in {**STORE_KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    assert delivery.try_out("s3://bucket/reports") is not None
    add(database, "s3://bucket/reports")
    made_by = production.Production(database.as_part("worker"))
    means = Means(production.now, made_by.pin, made_by.produce)
    with schedules.connect(database.as_part("worker")) as connection, capture_logs() as logged:
        scheduler.step(connection, means, lambda: False, scheduler.alarms.Alarm("unusable", "usable"))
    (run,) = runs(database)
    assert (run.state, run.reason) == ("failed", "destination_unavailable")
    assert "secret" not in str(run) + str(logged)
    assert "127.0.0.1" not in str(run) + str(logged)
    assert list(tmp_path.iterdir()) == []


def test_another_file_in_the_place_is_a_conflict_and_stays(database: Database, destination: Destination) -> None:
    """Nothing is overwritten, and the run says which file it is."""
    add(database, destination.address)
    (due_at,) = _plan(database)
    name = f"nightly/{due_at:%Y-%m-%dT%H%M%SZ}/{FILES[1]}"
    obstore.put(destination.store, name, b"somebody's")
    made_by = production.Production(database.as_part("worker"))
    with schedules.connect(database.as_part("worker")) as connection:
        run = scheduled.attempt(connection, Means(production.now, made_by.pin, made_by.produce))
    assert run is not None
    assert (run.state, run.reason) == ("failed", "delivery_conflict")
    assert run.detail is not None
    assert FILES[1] in run.detail
    assert destination.holds()[name] == b"somebody's"
    assert not any(path.endswith("manifest.json") for path in destination.holds())


@pytest.mark.parametrize("lies", [b"", b"{}"])
def test_manifest_that_is_none_of_the_run_is_a_conflict(database: Database, tmp_path: Path, lies: bytes) -> None:
    """It counts as no delivery."""
    add(database, str(tmp_path))
    (due_at,) = _plan(database)
    path = tmp_path / f"nightly/{due_at:%Y-%m-%dT%H%M%SZ}" / FILES[2]
    path.parent.mkdir(parents=True)
    path.write_bytes(lies)
    made_by = production.Production(database.as_part("worker"))
    with schedules.connect(database.as_part("worker")) as connection:
        run = scheduled.attempt(connection, Means(production.now, made_by.pin, made_by.produce))
    assert run is not None
    assert run.reason == "delivery_conflict"
    assert path.read_bytes() == lies


def test_run_speaks_of_all_that_the_log_held_though_nothing_of_it_is_projected(
    database: Database, tmp_path: Path
) -> None:
    """Without a projector the log itself is folded: what is delivered has the event that the log had."""
    journal.write(database, [made.event("call.initiated", 0)])
    add(database, str(tmp_path / "out"))
    made_by = production.Production(database.as_part("worker"))
    with schedules.connect(database.as_part("worker")) as connection:
        list(scheduled.plan(connection, means := Means(production.now, made_by.pin, made_by.produce)))
        run = scheduled.attempt(connection, means)
    assert run is not None
    assert (run.state, run.log_position) == ("delivered", 1)
    assert run.evidence is not None
    assert run.evidence["completeness"]["events"] == 1


@pytest.mark.parametrize(
    "address",
    [
        "out",
        "http://store/bucket",
        "memory:///x",
        "s3://id:secret@bucket/x",
        "s3://bucket/x?sig=secret",
        "gs://bucket/x#secret",
        "ftp://secret/x",
        "s3://[secret",
    ],
)
def test_destination_with_credentials_or_of_no_store_is_refused(address: str) -> None:
    """Without repeating it."""
    with pytest.raises(delivery.ScheduleRefused) as refused:
        delivery.check(address)
    assert refused.value.reason == "destination_refused"
    assert "secret" not in str(refused.value)


def test_file_url_is_a_folder(tmp_path: Path) -> None:
    """It can be named as a destination, and tried."""
    address = f"file://{tmp_path}/with%20space"
    delivery.check(address)
    assert delivery.try_out(address) is None
    assert list((tmp_path / "with space").iterdir()) == []


def _plan(database: Database) -> list[datetime]:
    """Give each due time its row, without attempting it."""
    made_by = production.Production(database.as_part("worker"))
    with schedules.connect(database.as_part("worker")) as connection:
        list(scheduled.plan(connection, Means(production.now, made_by.pin, made_by.produce)))
    return [run.due_at for run in runs(database)]
