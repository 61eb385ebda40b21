"""How a schedule's run is made: the report asked of the live read models, its files added to the destination.

Where a complete set of the run lies at the destination already, it is delivered: whoever wrote it died before saying
so.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psycopg

import callaudit
import reports
from reports import delivery, periods
from reports.schedule_errors import RunFailed
from reports.scheduled import Pinned, Produced
from reports.schedules import Schedule
from store import append, standing

PROJECTED_SECONDS = 10.0
"""How long an attempt waits for the read models to have what the log had; usually they do within one."""

LOOK_SECONDS = 0.2

_MANIFEST = ".manifest.json"


class Production:
    """Makes runs as the worker's role."""

    def __init__(self, url: str, wait: Callable[[float], object] = time.sleep) -> None:
        """Take the database, and what passes seconds."""
        self._url = url
        self._wait = wait

    def pin(self) -> Pinned:
        """Say what a run that is attempted now is asked as of: all that the log holds."""
        with psycopg.connect(self._url, autocommit=True, **append.SOON) as connection:
            return Pinned(standing.look(connection).position, now())

    def produce(self, schedule: Schedule, due_at: datetime, pinned: Pinned) -> Produced:
        """Ask the report and deliver its files, or find them delivered. Raises RunFailed, ReportRefused."""
        folder = f"{schedule.schedule}/{due_at:%Y-%m-%dT%H%M%SZ}"
        there = _delivered(schedule, due_at, pinned, folder)
        if there is not None:
            return there
        self._wait_for_projection(pinned)
        first, end = periods.dates(schedule.period, schedule.zone, due_at)
        run = reports.execute(schedule.report, self._url, from_=first, to=end, zone=schedule.zone, by=schedule.by)
        contents = {f"{folder}/{name}": content for name, content in written(run, schedule.formats).items()}
        addresses = delivery.deliver(contents, schedule.destination)
        manifest = next(content for name, content in contents.items() if name.endswith(_MANIFEST))
        return Produced(addresses, hashlib.sha256(manifest).hexdigest(), run.position)

    def _wait_for_projection(self, pinned: Pinned) -> None:
        """Figures of less than the log had are none that a schedule delivers."""
        ends_at = time.monotonic() + PROJECTED_SECONDS
        with psycopg.connect(self._url, autocommit=True, **append.SOON) as connection:
            while True:
                row = connection.execute("SELECT position FROM facts.log_position").fetchone()
                position = 0 if row is None or row[0] is None else row[0]
                if position >= (pinned.position or 0):
                    return
                if time.monotonic() > ends_at:
                    raise RunFailed(
                        "projection_behind", f"the read models are at position {position} of {pinned.position}"
                    )
                self._wait(LOOK_SECONDS)


def now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


def written(run: Any, formats: Any) -> Mapping[str, bytes]:
    """Give the files of a report's answer by name, the manifest last."""
    from reports import export  # noqa: PLC0415  pandas takes a second, which a worker without schedules need not pay

    with tempfile.TemporaryDirectory() as folder:
        paths = map(Path, export.write(run, Path(folder), formats, program_version=callaudit.VERSION))
        manifest_last = sorted(paths, key=lambda path: path.name.endswith(_MANIFEST))
        return {path.name: path.read_bytes() for path in manifest_last}


def _delivered(schedule: Schedule, due_at: datetime, pinned: Pinned, folder: str) -> Produced | None:
    """Give the set of this run that lies at the destination: its manifest, written last, and each file it names."""
    name = f"{folder}/{schedule.report}{_MANIFEST}"
    manifest = delivery.found(name, schedule.destination)
    if manifest is None:
        return None
    said = _read(manifest)
    if not _answers(said, schedule, due_at, pinned):
        return None  # delivering will meet it, and say that it conflicts
    for file, sha256 in said["files"].items():
        content = delivery.found(f"{folder}/{file}", schedule.destination)
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            return None
    names = [*(f"{folder}/{file}" for file in said["files"]), name]
    addresses = [delivery.address(each, schedule.destination) for each in names]
    return Produced(addresses, hashlib.sha256(manifest).hexdigest(), said["log_position"])


def _read(manifest: bytes) -> dict[str, Any]:
    """Read a manifest; what is none has nothing in it."""
    try:
        said: Any = orjson.loads(manifest)
        files = {str(each["name"]): str(each["sha256"]) for each in said["files"]}
    except (orjson.JSONDecodeError, TypeError, KeyError):
        return {}
    return {**said, "files": files}


def _answers(said: Mapping[str, Any], schedule: Schedule, due_at: datetime, pinned: Pinned) -> bool:
    """Tell whether a manifest is of this run: what was asked, of no less than it is pinned to."""
    first, end = periods.dates(schedule.period, schedule.zone, due_at)
    asked = {"from": first.isoformat(), "to": end.isoformat(), "zone": schedule.zone}
    named = {f"{schedule.report}.{each}" for each in schedule.formats}
    return (
        said.get("report") == schedule.report
        and said.get("period") == asked
        and said["files"].keys() == named
        and (said.get("log_position") or 0) >= (pinned.position or 0)
    )
