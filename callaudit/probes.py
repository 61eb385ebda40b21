"""``/healthz``, ``/readyz`` and ``/readyz/worker``: whether this process lives, and whether the work is being done.

A dead worker must not take healthy ingest out of rotation, so each has an address of its own. Silence is not health:
the worker's is good only while each of its duties has been heard of within seconds.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import fastapi
from fastapi.responses import JSONResponse

from callaudit import problems
from callaudit.lookout import Lookout
from store.standing import WORK, Standing


class Probes:
    """Answers whoever watches."""

    def __init__(self, path: Callable[[], str | None], look: Lookout[Standing]) -> None:
        """Take what says by which path a webhook would be taken now (None: by none), and who looks at the log."""
        self._path = path
        self._look = look

    def add_to(self, api: fastapi.FastAPI) -> None:
        """Answer at their addresses."""
        api.get("/healthz")(self.healthz)
        api.get("/readyz", response_model=None)(self.readyz)
        api.get("/readyz/worker", response_model=None)(self.worker)

    async def healthz(self) -> dict[str, str]:
        """Say that the process is alive."""
        return {"status": "alive"}

    async def readyz(self) -> JSONResponse:
        """Say whether a webhook can be taken now, and by which path."""
        path = self._path()
        if path is None:
            return problems.problem(503, "log_unavailable", "neither the log nor the spool can take a webhook")
        return JSONResponse({"status": "ready", "path": path})

    async def worker(self) -> JSONResponse:
        """Say whether somebody projects and seals the log."""
        standing = await self._look.look()
        if standing is None:
            return problems.problem(503, "log_unavailable", "the log cannot be asked for the worker's heartbeats")
        now = datetime.now(UTC)
        missing = [duty for duty in WORK if duty not in standing.beats]
        late = {
            duty: since
            for duty in WORK
            if duty not in missing and (since := standing.silent_since(duty, now)) is not None
        }
        if missing or late:
            return _silent(missing, late)
        return JSONResponse({"status": "ready", "duties": {duty: _heard(standing, duty) for duty in WORK}})


def _silent(missing: list[str], late: dict[str, datetime]) -> JSONResponse:
    told = [f"nobody was ever at {duty}" for duty in missing]
    told += [f"nobody has been at {duty} since {_text(since)}" for duty, since in late.items()]
    members: list[dict[str, Any]] = [{"duty": duty, "since": None} for duty in missing]
    members += [{"duty": duty, "since": _text(since)} for duty, since in late.items()]
    reason = "worker_missing" if missing else "worker_late"
    return problems.problem(503, reason, "; ".join(told), late=members)


def _heard(standing: Standing, duty: str) -> str:
    return _text(standing.beats[duty].alive_at)


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
