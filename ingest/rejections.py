"""Refusals are written down behind the answer: nobody waits for it, and a flood only makes the count go up."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from calls import masking
from ingest import deliveries, errors
from ingest.webhook import Request
from store.rejections import Rejection

WAITING_MAX = 1_000
WAITING_BYTES_MAX = 16 * 2**20
"""Unverified bytes held in memory until they are written; beyond it a refusal keeps none."""

BODY_BYTES_MAX = 64 * 2**10
MASKED_BODY_BYTES_MAX = 4 * 2**10
"""Larger unverified bodies are not kept, the second where they may hold secrets: masking them costs up to 4 µs a byte,
which anybody could have us spend."""

HEADER_CHARACTERS_MAX = 512


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A refusal as it happened; what of its bytes may be kept is worked out behind the answer."""

    reason: str
    request: Request
    body: bytes | None
    body_bytes: int
    received_at: datetime


class Recorder:
    """Gathers refusals and hands them to ``keep`` in a thread. Use as an async context manager."""

    def __init__(self, keep: Callable[[Sequence[Rejection]], None], on_error: Callable[[Exception, int], None]) -> None:
        """Take what writes rejections down (if it fails, ``on_error`` hears why and how many are lost)."""
        self._keep = keep
        self._on_error = on_error
        self._waiting: list[_Refusal] = []
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._closing = False
        self.dropped = 0

    async def __aenter__(self) -> Self:
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
        room = min(BODY_BYTES_MAX, WAITING_BYTES_MAX - self._waiting_bytes)
        cheap = len(body) <= MASKED_BODY_BYTES_MAX or not masking.may_hold_secrets(body)
        kept = body if len(body) <= room and cheap else None
        self._waiting.append(_Refusal(refusal.reason, request, kept, len(body), datetime.now(UTC)))
        self._waiting_bytes += len(kept or b"")
        self._arrived.set()

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            await self._arrived.wait()
            batch, self._waiting = self._waiting, []
            self._waiting_bytes = 0
            if not self._closing:
                self._arrived.clear()
            if batch:
                try:
                    await asyncio.to_thread(self._write, batch)
                except Exception as error:  # noqa: BLE001  refusals are no evidence; the server goes on
                    self.dropped += len(batch)
                    self._on_error(error, len(batch))

    def _write(self, batch: Sequence[_Refusal]) -> None:
        self._keep([_rejection(refusal) for refusal in batch])


def _rejection(refusal: _Refusal) -> Rejection:
    request = refusal.request
    masked = masking.mask(refusal.body or b"", form=request.content_type == deliveries.FORM)
    # A body that is not looked at may hold anything.
    guessable = masked.guessable or refusal.body is None
    return Rejection(
        received_at=refusal.received_at,
        remote_address=request.remote_address,
        reason=refusal.reason,
        body=None if guessable else masked.body,
        body_bytes=refusal.body_bytes,
        content_type=_short(request.header(b"content-type")),
        signed_timestamp=_short(request.header(b"telnyx-timestamp")),
        signature=None if guessable else _short(request.header(b"telnyx-signature-ed25519")),
    )


def _short(text: str | None) -> str | None:
    return None if text is None else text[:HEADER_CHARACTERS_MAX].replace("\x00", "\ufffd")
