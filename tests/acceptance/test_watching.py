"""What whoever watches a running server sees: probes, metrics, structured logs."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg import conninfo, sql

import simulator
from access import keys, registry
from store import heartbeats
from tests.acceptance import home as homes
from tests.acceptance import server
from tests.conftest import Database

REMOTE = {"x-forwarded-for": "192.0.2.7"}


def figures(client: httpx.Client) -> dict[str, float]:
    """Scrape: the value of each series, named with its labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    samples = (sample for family in text_string_to_metric_families(answer.text) for sample in family.samples)
    return {" ".join([s.name.removeprefix("callaudit_"), *s.labels.values()]): s.value for s in samples}


def beat(database: Database, process: UUID, duty: str, age: float = 0.0) -> None:
    """Say, as the worker's role, that somebody was at a duty so many seconds ago."""
    alive_at = datetime.now(UTC) - timedelta(seconds=age)
    said = heartbeats.Beat(process=process, duty=duty, since=alive_at, alive_at=alive_at, position=0)
    with psycopg.connect(database.as_part("worker"), autocommit=True) as worker:
        heartbeats.beat(worker, said)


@pytest.fixture(scope="module")
def watched(
    clone: Callable[..., Database], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[server.Site, Database]]:
    """Serve with two processes behind one socket."""
    database = clone()
    with server.serving(database, tmp_path_factory.mktemp("home"), ["--workers", "2"]) as site:
        yield site, database


def test_one_scrape_shows_all_processes(watched: tuple[server.Site, Database]) -> None:
    """Each request is counted once, whichever process took it and whichever is asked."""
    site, _ = watched
    assert site.post(server.webhook(1_000)).status_code == 200
    before = figures(site.client)
    for number in range(20):
        with server.connected(site.url) as client:  # a connection each: either may take it
            body = server.webhook(number)
            assert client.post("/webhooks/telnyx", content=body, headers=site.signed(body)).status_code == 200
            assert client.post("/webhooks/telnyx", content=body).status_code == 401
    site.post(server.webhook(0))
    for _ in range(4):
        with server.connected(site.url) as client:
            after = figures(client)
        grown = {name: value - before.get(name, 0) for name, value in after.items()}
        assert grown["webhooks_received_total"] == 41
        taken = [grown[f"webhooks_{how}_total"] for how in ("appended", "redelivered", "spooled")]
        assert sum(taken) == 21
        assert taken[2] or taken == [20, 1, 0]  # a machine that is too busy spools
        assert grown["rejected_total signature_missing"] == 20
        assert grown["batch_entries_sum"] >= 21 - taken[2]
    homes.until(lambda: figures(site.client)["log_position"] - before["log_position"] >= 20)


def test_what_is_no_request_is_counted_too(watched: tuple[server.Site, Database]) -> None:
    """By its reason, and in no line of a log: anybody could write those without end."""
    site, _ = watched
    before = len(site.said)
    host, _, port = site.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=server.DEADLINE_SECONDS) as line:
        line.sendall(b"no request\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 400 ")
    assert figures(site.client)["connections_refused_total request_malformed"] == 1
    assert server.complaints(site.said[before:]) == []


def test_metrics_are_for_this_machine_and_for_keys(watched: tuple[server.Site, Database]) -> None:
    """From elsewhere, a key with the scope; without: one reason each, and no figure."""
    site, database = watched
    made, other = keys.make("prometheus", ["metrics"]), keys.make("auditor", ["log:read"])
    with psycopg.connect(database.url, autocommit=True) as owner:
        for each in (made, other):
            registry.add(owner, each)

    def asked(token: str | None) -> tuple[int, Any]:
        shown = {} if token is None else {"authorization": f"Bearer {token}"}
        answer = site.client.get("/metrics", headers={**REMOTE, **shown})
        problem = answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["reason"] if problem else answer.text

    assert asked(None) == (401, "key_missing")
    assert asked("ca_nothing") == (401, "key_refused")
    assert asked(keys.make("unknown", ["metrics"]).token) == (401, "key_refused")
    assert asked(other.token) == (403, "scope_missing")
    status, text = asked(made.token)
    assert (status, "callaudit_webhooks_received_total" in text) == (200, True)
    with psycopg.connect(database.url, autocommit=True) as owner:
        registry.revoke(owner, "prometheus")
    assert asked(made.token) == (401, "key_refused")
    assert not any(each.token.split("_")[2] in line for each in (made, other) for line in site.said)


def test_restarted_server_process_keeps_what_was_counted(database: Database, tmp_path: Path) -> None:
    """The parent starts it in the place of the one that died, and the sum goes on."""
    with server.serving(database, tmp_path, ["--workers", "2"]) as site:
        for number in range(10):
            assert site.post(server.webhook(number)).status_code == 200
        servers = [pid for pid, words in homes.family(tmp_path).items() if "--socket" in words]
        assert len(servers) == 2
        for pid in servers:
            os.kill(pid, signal.SIGKILL)

        def counted() -> float:
            try:
                with server.connected(site.url) as client:
                    return figures(client)["webhooks_appended_total"]
            except httpx.TransportError:
                return 0

        homes.until(lambda: counted() == 10)
    assert [path.name for path in (tmp_path / "metrics").iterdir()] == ["lock"]


def test_worker_is_ready_while_both_of_its_duties_are_heard_of(database: Database, tmp_path: Path) -> None:
    """Nobody there, one there, both there, one silent: each is said, with since when."""
    worker = uuid4()
    with server.serving(database, tmp_path) as site:

        def asked() -> tuple[int, Any]:
            answer = site.client.get("/readyz/worker")
            return answer.status_code, answer.json()

        status, problem = asked()
        assert (status, problem["reason"]) == (503, "worker_missing")
        assert problem["late"] == [{"duty": "project", "since": None}, {"duty": "seal", "since": None}]
        beat(database, worker, "seal", age=60)
        beat(database, worker, "project")
        status, problem = asked()
        assert (status, problem["reason"]) == (503, "worker_late")
        assert [late["duty"] for late in problem["late"]] == ["seal"]
        said = figures(site.client)
        assert (said["worker_alive project"], said["worker_alive seal"]) == (1, 0)
        beat(database, uuid4(), "seal")
        status, answer = asked()
        assert (status, answer["status"], answer["duties"].keys()) == (200, "ready", {"project", "seal"})
        assert site.client.get("/readyz").status_code == 200  # whatever the worker does


def test_dead_worker_shows_within_seconds_and_so_does_the_next(database: Database, tmp_path: Path) -> None:
    """Killed, it says nothing any more: the probe and the metrics change by themselves, and back with another one."""
    with server.serving(database, tmp_path) as site:

        def seen() -> tuple[int, float, float]:
            said = figures(site.client)
            probe = site.client.get("/readyz/worker").status_code
            return probe, said["worker_alive project"], said["worker_alive seal"]

        with server.working(database, tmp_path) as worker:
            homes.until(lambda: seen() == (200, 1, 1))
            assert site.post(server.webhook(1)).status_code == 200
            worker.kill()
            worker.wait()
            killed = time.monotonic()
            homes.until(lambda: seen() == (503, 0, 0))
            assert time.monotonic() - killed < 10
        assert site.post(server.webhook(2)).status_code == 200
        said = figures(site.client)
        assert said["unsealed_events"] > 0
        assert min(said["seal_lag_seconds"], said["oldest_unprojected_seconds"]) > 4
        with server.working(database, tmp_path):
            homes.until(lambda: seen() == (200, 1, 1))


def test_scrape_and_probe_answer_while_postgres_is_away(database: Database, tmp_path: Path) -> None:
    """Within two seconds; what is counted here is told, what is not known is not, and readiness names the path."""
    with server.serving(database, tmp_path) as site:
        assert site.post(server.webhook(1)).status_code == 200
        _allow_connections(database, allow=False)
        try:
            homes.until(lambda: site.client.get("/readyz").json().get("path") == "spool")
            began = time.monotonic()
            said = figures(site.client)
            worker = site.client.get("/readyz/worker")
            remote = site.client.get(
                "/metrics", headers={**REMOTE, "authorization": f"Bearer {keys.make('x', ['metrics']).token}"}
            )
            assert time.monotonic() - began < 6
            assert (said["log_reachable"], said["webhooks_appended_total"]) == (0, 1)
            assert "worker_alive seal" not in said
            assert (worker.status_code, worker.json()["reason"]) == (503, "log_unavailable")
            assert (remote.status_code, remote.json()["reason"]) == (503, "log_unavailable")
        finally:
            _allow_connections(database, allow=True)
        homes.until(lambda: site.client.get("/readyz").json().get("path") == "log")
        assert figures(site.client)["log_reachable"] == 1
    for line in site.said:
        assert line.startswith("listening on ") or isinstance(orjson.loads(line)["event"], str), line
    events = [orjson.loads(line)["event"] for line in site.said if line.startswith("{")]
    assert events[0] == "serving"
    assert events[-1] == "served"
    assert {"log_away", "log_back"} <= set(events)


SECRETS: dict[str, dict[str, Any]] = {
    "4711081515": {"event_type": "call.dtmf.received", "digit": "4711081515"},
    "correct horse": {"event_type": "call.refer.started", "sip_auth_password": "correct horse"},
    "said-in-confidence": {
        "event_type": "call.transcription",
        "transcription_data": {"transcript": "said-in-confidence"},
    },
    "https://s3.example/one.mp3?sig=abc": {
        "event_type": "call.recording.saved",
        "recording_urls": {"mp3": "https://s3.example/one.mp3?sig=abc"},
    },
}


def test_no_secret_of_a_run_is_in_what_watchers_see_or_in_the_spool(database: Database, tmp_path: Path) -> None:
    """Taken, quarantined, refused, as a header, a path or a key, while Postgres is away: in no log, metric or file."""
    with server.serving(database, tmp_path) as site:
        stranger = replace(site, key=simulator.key_from_seed("nobody's"))
        _allow_connections(database, allow=False)
        try:
            homes.until(lambda: site.client.get("/readyz").json().get("path") == "spool")
            for number, (secret, payload) in enumerate(SECRETS.items()):
                body = server.webhook(number, **payload)
                assert [site.post(body).status_code, site.post(body[:-3]).status_code] == [200, 200]
                assert [stranger.post(body).status_code, stranger.post(body[:-3]).status_code] == [401, 401]
                assert site.post(body, {"telnyx-timestamp": secret, "content-type": secret}).status_code == 415
                assert site.client.get(f"/{secret}", params={"digits": secret}).status_code == 404
                shown = {**REMOTE, "authorization": f"Bearer {secret}", "user-agent": secret}
                refused = site.client.get("/metrics", headers=shown)
                assert (refused.status_code, secret in refused.text) == (401, False)
            seen = [site.client.get("/metrics").content, *_kept(tmp_path)]
            assert any(b"session-0" in text for text in seen)  # the search finds what is there
        finally:
            _allow_connections(database, allow=True)
        homes.until(lambda: figures(site.client)["spool_rows"] == 0)
        seen += [site.client.get("/metrics").content, *_kept(tmp_path)]
    seen += ["\n".join(site.said).encode(), *_kept(tmp_path)]
    for secret in SECRETS:
        assert not any(secret.encode() in text for text in seen), secret


def _kept(home: Path) -> list[bytes]:
    """Give the bytes of every file of a home, as they are now; one that goes while it is looked at is left out."""
    found: list[bytes] = []
    for path in home.rglob("*"):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            found.append(path.read_bytes())
    return found


def _allow_connections(database: Database, *, allow: bool) -> None:
    """Open or close the database, and end the connections it has."""
    name = conninfo.conninfo_to_dict(database.url)["dbname"]
    with psycopg.connect(conninfo.make_conninfo(database.url, dbname="postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(str(name)), sql.Literal(allow))
        )
        if not allow:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
