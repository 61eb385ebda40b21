"""Ingest, ours beside the hand-rolled peers and the ceiling: ``python -m benchmarks.ingest [--quick]``.

One Postgres with full durability, a database each; two processes each; webhooks signed beforehand, every one its own
event; contestants take turns, round after round. Load goes to loopback and ends by itself. What counts is the ratios.
"""

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import contestants as field
from benchmarks import requests
from callaudit import postgres

THREADS = 2
OURS = "callaudit"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is sent: requests made beforehand, seconds a run, rounds, numbers of connections."""

    requests: int
    seconds: int
    rounds: int
    connections: Sequence[int]
    node: bool


def main() -> None:
    """Measure, print the table, and end non-zero if ours stored other than it answered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; no Node")
    quick = parser.parse_args().quick
    if shutil.which("wrk") is None:
        sys.exit("the benchmark loads with wrk: on Debian, apt-get install wrk")
    plan = Plan(50_000, 2, 1, (64,), node=False) if quick else Plan(140_000, 5, 3, (64, 256), node=_has_express())
    rates = measure(plan)
    print_table(rates, plan)


def measure(plan: Plan) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Run every contestant in turn; gives the runs by contestant and connections."""
    runs: defaultdict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, postgres.embedded(Path(folder) / "home") as server:
        stem = requests.write(Path(folder), "requests", plan.requests, THREADS)
        for number in range(plan.rounds):
            for connections in plan.connections:
                for contestant in field.contestants(node=plan.node):
                    run = _run(contestant, server, stem, connections, plan.seconds)
                    runs[contestant.name, connections].append(run)
                    rate = run["requests"] / run["seconds"]
                    print(f"round {number + 1}, {connections} connections: {contestant.name} {rate:,.0f}/s", flush=True)
    return dict(runs)


def _run(
    contestant: field.Contestant, server: postgres.Running, stem: Path, connections: int, seconds: int
) -> dict[str, Any]:
    with field.running(contestant, server, stem.with_name("callaudit")) as (port, url):
        command = ["wrk", "-t", str(THREADS), "-c", str(connections), "-d", f"{seconds}s", "--timeout", "10s"]
        command += ["-s", str(Path(__file__).with_name("replay.lua")), f"http://127.0.0.1:{port}{requests.PATH}"]
        said = subprocess.run([*command, "--", str(stem)], check=True, capture_output=True, text=True).stdout
        run: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
        answered = run["requests"] - run["not_200"]
        if run["not_200"] or run["socket_errors"]:
            sys.exit(
                f"{contestant.name}: {run['not_200']} answers other than 200, {run['socket_errors']} socket errors"
            )
        if contestant.count is not None:
            with psycopg.connect(url) as connection:
                (stored,) = connection.execute(contestant.count.encode()).fetchone() or (0,)
            if stored < answered:
                sys.exit(f"{contestant.name}: {answered} were answered 200, {stored} are stored")
    return run


def print_table(runs: dict[tuple[str, int], list[dict[str, Any]]], plan: Plan) -> None:
    """Print the ratios; absolute figures are noise of the day."""
    print(f"\n{platform.machine()}, {_processor()}, {time.strftime('%Y-%m-%d')}, {' '.join(sys.orig_argv[1:])}\n")
    print("| connections | contestant | callaudit is | requests/s | p50 ms | p99 ms |\n|---|---|---|---|---|---|")
    for connections in plan.connections:
        ours = _median(runs[OURS, connections])
        for (name, of), its in runs.items():
            if of == connections:
                rate = _median(its)
                p50, p99 = (statistics.median(run[each] for run in its) for each in ("p50_ms", "p99_ms"))
                print(f"| {connections} | {name} | {ours / rate:.2f}x | {rate:,.0f} | {p50:.1f} | {p99:.1f} |")


def _median(runs: Sequence[dict[str, Any]]) -> float:
    return statistics.median(run["requests"] / run["seconds"] for run in runs)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return f"{len(names) or 'unknown'} cores, {names[0] if names else platform.processor()}"


def _has_express() -> bool:
    folder = field.PEERS / "express"
    if shutil.which("npm") is None:
        print("no Node here: Express + pg is left out")
        return False
    if not (folder / "node_modules").exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=folder, check=True)
    return True


if __name__ == "__main__":
    main()
