"""Who is measured: how each is started as its users would, and how its stored events are counted."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

import migrations
from benchmarks.requests import KEY
from callaudit import postgres

PROCESSES = 2
PEERS = Path(__file__).parent / "peers"
TABLE = """
    CREATE TABLE events (
        id varchar PRIMARY KEY, event_type varchar NOT NULL, occurred_at timestamptz,
        received_at timestamptz DEFAULT now(), call_session_id varchar, call_leg_id varchar, body json NOT NULL);
    CREATE INDEX ON events (call_session_id)
"""


@dataclass(frozen=True, slots=True)
class Contestant:
    """``count`` is the SQL that counts what it stored, or None where it stores nothing."""

    name: str
    command: tuple[str, ...]
    count: str | None
    ready_path: str = "/"


def contestants(*, node: bool) -> list[Contestant]:
    """Give the contestants, ours last."""
    uvicorn = (
        sys.executable,
        "-m",
        "uvicorn",
        "--workers",
        str(PROCESSES),
        "--no-access-log",
        "--log-level",
        "warning",
    )
    found = [
        Contestant(
            "fastapi+sqlalchemy", (*uvicorn, "benchmarks.peers.fastapi_sqlalchemy:app"), "SELECT count(*) FROM events"
        ),
        Contestant("ceiling", (*uvicorn, "benchmarks.peers.ceiling:app"), None),
        Contestant(
            "callaudit",
            (sys.executable, "-m", "callaudit", "serve", "--workers", str(PROCESSES)),
            "SELECT count(*) FROM log.events",
            "/readyz",
        ),
    ]
    if node:
        command = (shutil.which("node") or "node", str(PEERS / "express" / "server.js"))
        found.insert(1, Contestant("express+pg", command, "SELECT count(*) FROM events"))
    return found


@contextmanager
def running(contestant: Contestant, server: postgres.Running, home: Path) -> Iterator[tuple[int, str]]:
    """Run a contestant on a database of its own; gives its port and the database's URL."""
    name = f"bench_{contestant.name.partition('+')[0]}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        admin.execute(f"CREATE DATABASE {name}".encode())
    url = server.url(dbname=name)
    if contestant.name == "callaudit":
        migrations.upgrade(url)
    else:
        with psycopg.connect(url) as connection:
            connection.execute(TABLE)
    port = _free_port()
    listen = () if contestant.name.startswith("express") else ("--host", "127.0.0.1", "--port", str(port))
    environment = _environment(server, name, port, home)
    process = subprocess.Popen([*contestant.command, *listen], env=environment)
    try:
        _wait(f"http://127.0.0.1:{port}{contestant.ready_path}", process)
        yield port, url
    finally:
        process.terminate()
        process.wait(20)


def _environment(server: postgres.Running, name: str, port: int, home: Path) -> Mapping[str, str]:
    url = server.url(dbname=name)
    return {
        **os.environ,
        "DATABASE_URL": url,
        "CALLAUDIT_INGEST_DATABASE_URL": server.url(user="callaudit_ingest", dbname=name),
        "SQLALCHEMY_URL": url.replace("postgresql://", "postgresql+psycopg://", 1),
        "TELNYX_PUBLIC_KEY": KEY.public,
        "CALLAUDIT_HOME": str(home),
        "CALLAUDIT_WEBHOOK_TOLERANCE_SECONDS": "86400",
        "PGHOST": str(server.socket_dir),
        "PGUSER": "callaudit",
        "PGDATABASE": name,
        "PORT": str(port),
        "PROCESSES": str(PROCESSES),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended with {process.returncode} before it was ready")
        try:
            if httpx.get(url, trust_env=False).status_code < 500:
                return
        except httpx.TransportError:
            time.sleep(0.1)  # a poll of another program's port
    raise SystemExit(f"{process.args!r} was not ready within a minute")
