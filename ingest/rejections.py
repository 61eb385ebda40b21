"""Refusals are written down behind the answer: nobody waits for it, and a flood only makes the count go up."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from calls import masking
from ingest import deliveries, errors
from ingest.webhook import Request
from store.rejections import Rejection

WAITING_MAX = 1_000
WAITING_BYTES_MAX = 16 * 2**20
"""Unverified bytes held in memory until they are written; beyond it a refusal keeps no bytes."""

HEADER_CHARACTERS_MAX = 512


class Recorder:
    """Gathers refusals and hands them to ``keep`` in a thread. Use as an async context manager."""

    def __init__(
        self, keep: Callable[[Sequence[Rejection]], None], on_error: Callable[[Exception], None]
    ) -> None:
        """Take what writes rejections down (it may fail: ``on_error`` hears of it, the refusals are dropped)."""
        self._keep = keep
        self._on_error = on_error
        self._waiting: deque[Rejection] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._closing = False
        self.dropped = 0

    async def __aenter__(self) -> "Recorder":
        self._task = asyncio.create_task(self._run(), name="record refusals")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._arrived.set()
        await self._task

    def refused(self, refusal: errors.Refused, request: Request, body: bytes) -> None:
        """Take note of a refusal; 503 is none (the delivery was good and will come again)."""
        if refusal.status == 503:
            return
        if len(self._waiting) >= WAITING_MAX:
            self.dropped += 1
            return
        fits = self._waiting_bytes + len(body) <= WAITING_BYTES_MAX
        rejection = _rejection(refusal, request, body, keep_body=fits)
        self._waiting.append(rejection)
        self._waiting_bytes += len(rejection.body or b"")
        self._arrived.set()

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            await self._arrived.wait()
            batch = list(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
            if not self._closing:
                self._arrived.clear()
            if batch:
                try:
                    await asyncio.to_thread(self._keep, batch)
                except Exception as error:  # noqa: BLE001  refusals are no evidence; the server goes on
                    self.dropped += len(batch)
                    self._on_error(error)


def _rejection(refusal: errors.Refused, request: Request, body: bytes, *, keep_body: bool) -> Rejection:
    masked = masking.mask(body, form=request.content_type == deliveries.FORM)
    guessable = masked.guessable
    return Rejection(
        received_at=datetime.now(UTC),
        remote_address=request.remote_address,
        reason=refusal.reason,
        body=masked.body if keep_body and not guessable else None,
        body_bytes=len(body),
        content_type=_short(request.header(b"content-type")),
        signed_timestamp=_short(request.header(b"telnyx-timestamp")),
        signature=None if guessable else _short(request.header(b"telnyx-signature-ed25519")),
    )


def _short(text: str | None) -> str | None:
    return None if text is None else text[:HEADER_CHARACTERS_MAX].replace("\x00", "�")
