"""The HTTP server's application: the webhook endpoint beside FastAPI, wired to the log.

Webhooks are dispatched before FastAPI's routing: they parse their own bytes, and each layer would cost all of them.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import fastapi
import psycopg
import structlog
from fastapi.responses import JSONResponse

from callaudit.database import Database
from callaudit.settings import Settings
from ingest import rejections, strongbox, verifier, webhook
from store import append, batch
from store import rejections as kept_rejections

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class SealingKeyUnusable(Exception):
    """The key that recording URLs are sealed with is not there and cannot be made, or is none."""

    reason = "sealing_key_unusable"


def create(settings: Settings, database: Database) -> Any:
    """Build the ASGI application. Raises KeyRefused, SealingKeyUnusable, or psycopg.Error without a log to reach."""
    url = database.as_part("ingest")
    _reach(url)
    rules = webhook.Rules(
        public_keys=verifier.public_keys(settings.telnyx_public_key),
        tolerance_seconds=settings.callaudit_webhook_tolerance_seconds,
        mask_transcripts=settings.callaudit_mask_transcripts,
    )
    batcher = batch.Batcher(lambda: append.Appender(append.connect(url, application_name="callaudit ingest")))
    recorder = rejections.Recorder(
        lambda refused: _keep(url, refused),
        lambda error, lost: _log.warning("refusals_not_recorded", error=type(error).__name__, count=lost),
    )
    box = _strongbox(settings.home / "keys" / "sealed_bodies.key")
    endpoint = webhook.Webhook(rules, batcher, recorder, box, lambda: time.time_ns() // 1_000)

    @asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(recorder)
            await stack.enter_async_context(batcher)
            yield

    api = _api(url, lifespan)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == webhook.PATH:
            await endpoint(scope, receive, send)
        else:
            await api(scope, receive, send)

    return application


def _strongbox(path: Path) -> strongbox.Strongbox:
    try:
        return strongbox.Strongbox(strongbox.key_at(path))
    except (OSError, ValueError) as error:
        raise SealingKeyUnusable(f"the sealing key {path} can be neither read nor made: {error}") from error


def _api(url: str, lifespan: Any) -> fastapi.FastAPI:
    api = fastapi.FastAPI(title="callaudit", lifespan=lifespan, docs_url=None, redoc_url=None)

    @api.get("/healthz")
    async def healthz() -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]
        """Say that the process is alive."""
        return {"status": "alive"}

    @api.get("/readyz")
    async def readyz() -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        """Say whether a webhook can be taken now."""
        try:
            await asyncio.to_thread(_reach, url)
        except psycopg.Error:
            problem = {"type": "about:blank", "title": "the log cannot be reached", "status": 503}
            return JSONResponse({**problem, "reason": "log_unavailable"}, 503, media_type="application/problem+json")
        return JSONResponse({"status": "ready", "path": "log"})

    return api


def _reach(url: str) -> None:
    with psycopg.connect(url, **append.SOON) as connection:
        connection.execute("SELECT FROM log.append_turn")


def _keep(url: str, refused: Sequence[kept_rejections.Rejection]) -> None:
    with psycopg.connect(url, autocommit=True, application_name="callaudit refusals", **append.SOON) as connection:
        kept_rejections.keep(connection, refused)
