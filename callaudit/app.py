"""The HTTP server's application: the webhook endpoint beside FastAPI, wired to the log.

Webhooks are dispatched before FastAPI's routing: they parse their own bytes, and each layer would cost all of them.
"""

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import fastapi
import psycopg
import structlog

from callaudit import lookout, public
from callaudit.database import Database
from callaudit.gatehouse import Gatehouse
from callaudit.metrics import counted, endpoint
from callaudit.metrics.counters import Counters
from callaudit.probes import Probes
from callaudit.settings import Settings
from callaudit.watch import Watch
from ingest import addresses, keys, rejections, strongbox, webhook
from store import append
from store import rejections as kept_rejections
from store.errors import StoreError
from store.intake import Intake

_log: structlog.stdlib.BoundLogger = structlog.get_logger()

REFUSALS_SECONDS = 5.0
"""For one write of refusals; two of them, the one under way and the last, must fit into the time to stop."""

_DOWN_OR_FULL = {"53300", "57P01", "57P02", "57P03"}
"""Too many connections; shut down, crashed, starting."""


def create(settings: Settings, database: Database, counters: Counters) -> Any:
    """Build the ASGI application. Raises KeyRefused, SealingKeyUnusable, or psycopg.Error without a log to reach.

    A home that has served before is served without Postgres too: webhooks go to the spool until it is back.
    """
    url = database.as_part("ingest")
    spools = settings.home / "spool"
    _reach_or_spool(url, spools)
    rules = webhook.Rules(
        public_keys=keys.public_keys(settings.telnyx_public_key),
        tolerance_seconds=settings.callaudit_webhook_tolerance_seconds,
        mask_transcripts=settings.callaudit_mask_transcripts,
        trusted_proxies=addresses.proxies(settings.callaudit_trusted_proxies),
    )
    if not any(key.in_force(_now_us()) for key in rules.public_keys):
        _log.warning("no_public_key_in_force", hint="every window in TELNYX_PUBLIC_KEY is past or still to come")
    intake = Intake(url, spools, _now_us, spool_bytes_max=settings.callaudit_spool_bytes_max, observer=Watch(counters))
    box = strongbox.opened(settings.home)
    recorder = rejections.Recorder(
        lambda refused, counts: _keep(url, refused, counts),
        box,
        lambda error, lost: _log.warning("refusals_not_recorded", error=type(error).__name__, count=lost),
        mask_transcripts=settings.callaudit_mask_transcripts,
    )
    webhooks = webhook.Webhook(rules, counted.Log(intake, counters), counted.Door(recorder, counters), box, _now_us)

    commands = counted.Commands(intake, counters)
    gatehouse = Gatehouse(settings, url, commands, box) if settings.telnyx_api_key else None

    @asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(recorder)
            await stack.enter_async_context(intake)
            await _say_whom_we_trust(intake, rules.public_keys)
            if gatehouse is not None:
                await stack.enter_async_context(gatehouse.running())
            yield

    api = fastapi.FastAPI(title="callaudit", lifespan=lifespan, docs_url=None, redoc_url=None)
    api.include_router(public.router(url))
    look = lookout.at_log(url)
    Probes(lambda: intake.path, look).add_to(api)
    endpoint.Endpoint(counters, url, look).add_to(api)
    if gatehouse is not None:
        gatehouse.add_to(api)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == webhook.PATH:
            counters.received()
            await webhooks(scope, receive, send)
        elif gatehouse is not None and scope["type"] == "http" and scope["path"].startswith("/v2/"):
            await gatehouse.gateway(scope, receive, send)
        else:
            await api(scope, receive, send)

    return application


async def _say_whom_we_trust(intake: Intake, trusted: Sequence[keys.PublicKey]) -> None:
    """Put the keys that webhooks are verified with on the record: with them anybody can verify the log."""
    for entry in keys.trusted_events(trusted, _now_us()):
        try:
            await intake.put(entry)
        except StoreError as error:  # webhooks may be taken all the same; the next start says it
            _log.warning("trusted_key_not_recorded", reason=error.reason)


def _now_us() -> int:
    return time.time_ns() // 1_000


def _reach_or_spool(url: str, spools: Path) -> None:
    try:
        _reach(url)
    except psycopg.OperationalError as error:
        # Whoever was answered by Postgres has a setting wrong, and so has who never reached it before.
        if not ((error.sqlstate is None or error.sqlstate in _DOWN_OR_FULL) and spools.is_dir()):
            raise
        _log.warning("serving_from_the_spool", error=type(error).__name__)


def _reach(url: str) -> None:
    with psycopg.connect(url, **append.SOON) as connection:
        connection.execute("SELECT FROM log.append_turn")


def _keep(
    url: str, refused: Sequence[kept_rejections.Rejection], counts: Mapping[kept_rejections.Counted, int]
) -> None:
    with (
        psycopg.connect(url, autocommit=True, application_name="callaudit refusals", **append.SOON) as connection,
        append.patience(connection, REFUSALS_SECONDS),
    ):
        connection.execute(
            "SET lock_timeout = '1s'; SET statement_timeout = '2s'; SET idle_in_transaction_session_timeout = '2s'"
        )
        kept_rejections.keep(connection, refused, counts)
