"""Refusals are written down behind the answer: nobody waits for it, and a flood only makes the count go up.

What is kept of them says ``ingest.remains``; exact bytes can be readmitted (``ingest.readmission``).
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Self

from calls import instants
from ingest import addresses, errors, remains
from ingest.budget import Budget
from ingest.strongbox import Strongbox
from ingest.webhook import Request
from store.rejections import Counted, Rejection

WAITING_MAX = 4_000
WAITING_BYTES_MAX = 16 * 2**20
"""Refusals, and unverified bytes, held in memory until they are written; beyond it they are only counted."""

ADDRESS_SHARE = 4
"""One address takes at most a quarter of either."""

COUNTED_MAX = 1_000
"""Reasons and addresses told apart between two writes; more are counted as from 'other'."""

PAUSE_SECONDS = 0.25
"""Between two writes: under a flood, what comes in the meantime is written together."""

RETRY_SECONDS = 2.0
"""Before what could not be written is tried again."""

PORTION = 500
"""Refusals written at once: a write that ends soon can be given little time."""

BODY_BYTES_MAX = 64 * 2**10
"""Larger unverified bodies are not kept."""

MASKING_SHARE = 0.25
"""Masking costs up to 4 µs a byte, which anybody could have us spend: at most so much of one core goes to it."""

Keep = Callable[[Sequence[Rejection], Mapping[Counted, int]], None]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A refusal as it happened; what of its body may be kept is worked out behind the answer.

    Headers are as they are kept, a few hundred bytes each: a whole request may have 32 KB of them.
    """

    reason: str
    received_at: datetime
    remote_address: str
    network: str
    content_type: str | None
    signed_timestamp: str | None
    signature: str | None
    body: bytes | None
    body_bytes: int


@dataclass(slots=True)
class _Waiting:
    """What waits to be written: refusals, and how many more there were."""

    refusals: list[_Refusal] = field(default_factory=list[_Refusal])
    counts: Counter[Counted] = field(default_factory=Counter[Counted])
    size: int = 0  # bytes of bodies
    rows_of: Counter[str] = field(default_factory=Counter[str])
    size_of: Counter[str] = field(default_factory=Counter[str])

    def __bool__(self) -> bool:
        return bool(self.refusals or self.counts)

    def add(self, reason: str, request: Request, body: bytes) -> None:
        """Take a refusal, with its bytes while there is room for them, or only its number."""
        network = addresses.network_of(request.remote_address)
        full = len(self.refusals) >= WAITING_MAX or self.rows_of[network] >= WAITING_MAX // ADDRESS_SHARE
        if full or reason == errors.RATE_LIMITED:
            self.count(Counted(_utc_day(request), reason, network), 1)
            return
        room = min(WAITING_BYTES_MAX - self.size, WAITING_BYTES_MAX // ADDRESS_SHARE - self.size_of[network])
        kept = body if len(body) <= min(BODY_BYTES_MAX, room) else None
        self.refusals.append(_refusal(reason, request, network, kept, len(body)))
        self.rows_of[network] += 1
        self.size_of[network] += len(kept or b"")
        self.size += len(kept or b"")

    def count(self, counted: Counted, refused: int) -> None:
        """Count refusals that are not kept."""
        known = counted in self.counts or len(self.counts) < COUNTED_MAX
        self.counts[counted if known else Counted(counted.utc_day, counted.reason, "other")] += refused

    def count_again(self, lost: "_Waiting") -> int:
        """Count what could not be written; give how many refusals are not kept for that."""
        for refusal in lost.refusals:
            self.count(Counted(refusal.received_at.date(), refusal.reason, refusal.network), 1)
        for counted, refused in lost.counts.items():
            self.count(counted, refused)
        return len(lost.refusals)


class Recorder:
    """Gathers refusals and hands them to ``keep`` in a thread. Use as an async context manager."""

    def __init__(
        self,
        keep: Keep,
        strongbox: Strongbox,
        on_error: Callable[[Exception, int], None],
        *,
        mask_transcripts: bool = True,
    ) -> None:
        """Take what writes refusals down; if it fails, ``on_error`` hears why and how many are only counted."""
        self._keep = keep
        self._strongbox = strongbox
        self._on_error = on_error
        self._mask_transcripts = mask_transcripts
        self._masking = Budget(MASKING_SHARE)
        self._waiting = _Waiting()
        self._unwritten: list[Rejection] = []  # masked, and tried before
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self.dropped = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="record refusals")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        self._arrived.set()
        await self._task

    def refused(self, refusal: errors.Refused, request: Request, body: bytes) -> None:
        """Take note of a refusal; 503 is none (the delivery was good and will come again)."""
        if refusal.status != 503:
            self._waiting.add(refusal.reason, request, body)
            self._arrived.set()

    async def _run(self) -> None:
        while not self._closing.is_set():
            await self._arrived.wait()
            self._arrived.clear()
            written = await self._write_waiting()
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_SECONDS if written else RETRY_SECONDS):
                    await self._closing.wait()
        await self._write_waiting(last=True)

    async def _write_waiting(self, *, last: bool = False) -> bool:
        waiting, self._waiting = self._waiting, _Waiting()
        if not waiting and not self._unwritten:
            return True
        try:
            await asyncio.to_thread(self._write, waiting)
        except Exception as error:  # noqa: BLE001  the server goes on
            self._put_off(waiting, error, last=last)
            return False
        return True

    def _write(self, waiting: _Waiting) -> None:
        quiet_first = sorted(waiting.refusals, key=lambda refusal: waiting.size_of[refusal.network])
        masked = {id(refusal): self._rejection(refusal) for refusal in quiet_first}  # who floods, pays for it himself
        self._unwritten += [masked[id(refusal)] for refusal in waiting.refusals]
        waiting.refusals = []
        while self._unwritten or waiting.counts:
            self._keep(self._unwritten[:PORTION], waiting.counts)
            del self._unwritten[:PORTION]
            waiting.counts = Counter()

    def _put_off(self, waiting: _Waiting, error: Exception, *, last: bool) -> None:
        """Hold what could not be written, as much as may wait, for the next time; of the rest only the count."""
        held = 0 if last else _fitting(self._unwritten)
        for rejection in self._unwritten[held:]:
            self._waiting.count(Counted(rejection.received_at.date(), rejection.reason, rejection.network), 1)
        lost = len(self._unwritten) - held + self._waiting.count_again(waiting)
        del self._unwritten[held:]
        self.dropped += lost
        self._arrived.set()
        self._on_error(error, lost)

    def _rejection(self, refusal: _Refusal) -> Rejection:
        body, content_type = refusal.body, refusal.content_type or ""
        kept = None if body is None else self._masking.run(lambda: self._remains(body, content_type))
        kept = kept or remains.Remains()  # a body that was not looked at may hold anything
        return Rejection(
            received_at=refusal.received_at,
            remote_address=refusal.remote_address,
            network=refusal.network,
            reason=refusal.reason,
            body=kept.body,
            body_bytes=refusal.body_bytes,
            content_type=refusal.content_type,
            signed_timestamp=refusal.signed_timestamp,
            signature=refusal.signature if kept.with_signature else None,
            sealed_body=kept.sealed_body,
        )

    def _remains(self, body: bytes, content_type: str) -> remains.Remains:
        return remains.of_body(body, content_type, self._strongbox, mask_transcripts=self._mask_transcripts)


def _refusal(reason: str, request: Request, network: str, body: bytes | None, body_bytes: int) -> _Refusal:
    return _Refusal(
        reason=reason,
        received_at=instants.to_datetime(request.received_us),
        remote_address=request.remote_address,
        network=network,
        content_type=remains.of_content_type(request.header(b"content-type")),
        signed_timestamp=remains.of_timestamp(request.header(b"telnyx-timestamp")),
        signature=remains.of_signature(request.header(b"telnyx-signature-ed25519")),
        body=body,
        body_bytes=body_bytes,
    )


def _utc_day(request: Request) -> date:
    return instants.to_datetime(request.received_us).date()


def _fitting(rejections: Sequence[Rejection]) -> int:
    """Give how many of the first may be held."""
    size = 0
    for number, rejection in enumerate(rejections[:WAITING_MAX]):
        size += len(rejection.body or b"") + len(rejection.sealed_body or b"")
        if size > WAITING_BYTES_MAX:
            return number
    return min(len(rejections), WAITING_MAX)
