"""``GET /metrics``: for this machine as it is, for others with an API key that has the scope ``metrics``."""

import asyncio
import ipaddress
from typing import Final

import fastapi
import psycopg
from fastapi.responses import Response

from access import keys, registry
from access.errors import AccessRefused, KeyRefused
from callaudit import lookout, problems
from callaudit.metrics import page
from callaudit.metrics.counters import Counters
from store import standing

SCOPE: Final = "metrics"

_FORWARDED = ("forwarded", "via", "x-real-ip")
"""Beside all that begins with x-forwarded: headers by which a proxy says that it asks for somebody else."""


class Endpoint:
    """The page and who may see it."""

    def __init__(self, counters: Counters, url: str, look: lookout.Lookout[standing.Standing]) -> None:
        """Take what is counted, where keys are checked and schedules stand, and who looks at the log."""
        self._counters = counters
        self._url = url
        self._look = look
        self._look_at_schedules = lookout.at_schedules(url)
        self._checking: asyncio.Future[AccessRefused | psycopg.Error | None] | None = None

    def add_to(self, api: fastapi.FastAPI) -> None:
        """Answer at its address."""
        api.get("/metrics", response_model=None)(self.metrics)

    async def metrics(self, request: fastapi.Request) -> Response:
        """Give the metrics of all processes behind this listener, in Prometheus's text format."""
        refusal = None if _is_from_here(request) else await self._refusal(_bearer(request))
        match refusal:
            case KeyRefused():
                asked = {"www-authenticate": f'Bearer scope="{SCOPE}"'}
                return problems.problem(refusal.status, refusal.reason, refusal.detail, headers=asked)
            case AccessRefused():
                return problems.problem(refusal.status, refusal.reason, refusal.detail)
            case None:
                looks = self._look.look(), self._look_at_schedules.look()  # together: who scrapes waits for one
                standing, schedules = await asyncio.gather(*looks)
                return Response(page.render(self._counters, standing, schedules), media_type=page.CONTENT_TYPE)
            case _:
                return problems.problem(503, "log_unavailable", "no key can be checked while the log is away")

    async def _refusal(self, token: str | None) -> AccessRefused | Exception | None:
        """Check the key, one at a time: a flood of keys must not become a flood of connections."""
        try:
            keys.parse(token)
            async with asyncio.timeout(lookout.LOOK_SECONDS_MAX):
                while self._checking is not None and not self._checking.done():
                    await asyncio.wait({self._checking})
                self._checking = lookout.begun(lambda: self._check(token))
                return await asyncio.shield(self._checking)
        except (AccessRefused, TimeoutError) as refusal:
            return refusal

    def _check(self, token: str | None) -> AccessRefused | psycopg.Error | None:
        try:
            with lookout.connected(self._url) as connection:
                registry.check(connection, token, SCOPE)
        except (AccessRefused, psycopg.Error) as refusal:
            return refusal
        return None


def _is_from_here(request: fastapi.Request) -> bool:
    """Say whether a program on this machine asks, and for itself."""
    if any(name in _FORWARDED or name.startswith("x-forwarded") for name in request.headers):
        return False
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _bearer(request: fastapi.Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
