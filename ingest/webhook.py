"""The webhook endpoint, as plain ASGI: it needs the raw bytes, and no framework between them and the log.

A request goes through these steps, cheapest first; nothing unverified is parsed:

1. method, declared length, content type and headers;
2. the body, up to a limit and within a time;
3. the signature over the raw bytes;
4. masking and decoding, then the batch;
5. 200 once it is on disk, in the log or in the spool. Exactly 200: Telnyx treats other 2xx as failures.

Whatever the bytes, the answer is one of these or a refusal from ``ingest.errors``; never a 500. An address that is
refused too often gets 429 for its refusals instead; what is genuine is taken from it all the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

import orjson

from ingest import addresses, deliveries, errors, keys, limits, verifier
from ingest.strongbox import Strongbox
from store.entry import Entry, Kept, Spooled
from store.errors import StoreError

PATH = "/webhooks/telnyx"

BODY_BYTES_MAX_DEFAULT = 2 * 2**20
"""Twice what the largest known event (a call with SIPREC metadata in its headers) could need."""

BODY_SECONDS_MAX_DEFAULT = 5.0
"""Telnyx itself waits two seconds for the answer."""

HELD_BYTES_MAX_DEFAULT = 128 * 2**20
"""Bytes of bodies that requests under way may hold; over it larger ones than small are told to repeat."""

SMALL_BODY_BYTES = 64 * 2**10
"""Nearly every webhook is smaller, by far; as many as there may be connections still fit into memory."""

LENGTH_DIGITS_MAX = 18
"""More digits than any length has."""

ANSWER_SECONDS_MAX_DEFAULT = 1.9
"""Telnyx waits two seconds; whatever holds an answer up longer, a refusal in time makes it repeat."""

CONTENT_TYPES = frozenset({"", "application/json", deliveries.FORM})

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Log(Protocol):
    """Where verified deliveries go: ``store.intake.Intake``."""

    async def put(self, entry: Entry) -> Kept | Spooled:
        """Keep the entry on disk and say where, or raise a StoreError."""
        ...


class Door(Protocol):
    """Who hears of refusals: ``ingest.rejections.Recorder``."""

    def refused(self, refusal: errors.Refused, request: "Request", body: bytes) -> None:
        """Take note of a refusal, at once and without waiting."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a delivery must satisfy."""

    public_keys: Sequence[keys.PublicKey]
    tolerance_seconds: float = verifier.TOLERANCE_SECONDS_DEFAULT
    body_bytes_max: int = BODY_BYTES_MAX_DEFAULT
    body_seconds_max: float = BODY_SECONDS_MAX_DEFAULT
    held_bytes_max: int = HELD_BYTES_MAX_DEFAULT
    answer_seconds_max: float = ANSWER_SECONDS_MAX_DEFAULT
    mask_transcripts: bool = True
    trusted_proxies: Sequence[addresses.Network] = ()
    refusals_burst: float = limits.BURST_DEFAULT
    refusals_per_second: float = limits.PER_SECOND_DEFAULT


@dataclass(slots=True)
class Request:
    """The parts of a request that are read before its body. ``received_us`` is our clock, microseconds since 1970."""

    method: str
    remote_address: str
    headers: dict[bytes, bytes] = field(repr=False)
    received_us: int

    def header(self, name: bytes) -> str | None:
        """Give a header as text, or None where it is missing or no text."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def content_type(self) -> str:
        """Give the media type without its parameters, in lower case."""
        return media_type(self.header(b"content-type"))


def media_type(content_type: str | None) -> str:
    """Give the media type of a header without its parameters, in lower case."""
    return (content_type or "").partition(";")[0].strip().lower()


@dataclass(slots=True)
class Body:
    """What has been read of a request's body."""

    raw: bytearray = field(default_factory=bytearray, repr=False)
    complete: bool = False


class Gone(Exception):
    """The client hung up before its body was complete; there is nobody to answer."""


class Webhook:
    """The ASGI application behind ``POST /webhooks/telnyx``."""

    def __init__(self, rules: Rules, log: Log, door: Door, strongbox: Strongbox, now_us: Callable[[], int]) -> None:
        """Take the rules, where deliveries and refusals go, and a clock (microseconds since 1970)."""
        if not rules.public_keys:
            raise errors.KeyRefused("no public key: the webhook endpoint never fails open")
        self._rules = rules
        self._log = log
        self._door = door
        self._strongbox = strongbox
        self._now_us = now_us
        self._held_bytes = 0
        self._refusals = limits.Refusals(
            lambda: now_us() / 1_000_000, burst=rules.refusals_burst, per_second=rules.refusals_per_second
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = self._request(scope)
        body = Body()
        try:
            await self._take(request, receive, body)
        except errors.Refused as refusal:
            told = self._limited(refusal, request)
            self._door.refused(told, request, bytes(body.raw))
            # What is left of a body would still be read, and thrown away, for as long as anybody sends it.
            await _answer_refusal(send, told, close=told.status == 429 or not body.complete)
        except Gone:
            pass
        else:
            await _answer(send, 200, b"application/json", b'{"status":"recorded"}')
        finally:
            self._held_bytes -= len(body.raw)

    def _request(self, scope: Scope) -> Request:
        peer = (scope.get("client") or (addresses.UNKNOWN, 0))[0]
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        remote = addresses.remote(peer, forwarded, self._rules.trusted_proxies)
        return Request(scope["method"], remote, dict(scope["headers"]), self._now_us())

    def _limited(self, refusal: errors.Refused, request: Request) -> errors.Refused:
        """Give what is told of a refusal: that it is one too many, where its address has had too many."""
        if refusal.status == 503 or self._refusals.take_if_left(addresses.network_of(request.remote_address)):
            return refusal
        return errors.RateLimited(errors.RATE_LIMITED, "too many refused requests from this address; please wait")

    async def _take(self, request: Request, receive: Receive, body: Body) -> None:
        rules = self._rules
        self._check_request(request)  # (1)
        signature = verifier.read_signature(request.header(b"telnyx-signature-ed25519"))
        timestamp = request.header(b"telnyx-timestamp")
        signed = verifier.check_timestamp(timestamp, request.received_us / 1_000_000, rules.tolerance_seconds)
        await self._read(receive, body)  # (2)
        raw = bytes(body.raw)
        key = verifier.verify(rules.public_keys, signed, signature, raw)  # (3)
        delivery = deliveries.Delivery(
            delivery_id=uuid4(),
            body=raw,
            content_type=request.content_type,
            received_us=request.received_us,
            signed_timestamp=signed.decode(),
            signature=signature,
            key_id=key.key_id,
        )
        entry = deliveries.entry(delivery, self._strongbox, mask_transcripts=rules.mask_transcripts)  # (4)
        try:
            async with asyncio.timeout(rules.answer_seconds_max):  # a commit goes on, and a repeat finds it
                await self._log.put(entry)  # (5)
        except StoreError as error:
            raise errors.Unavailable(error.reason, "the log cannot take it now; please repeat") from error
        except TimeoutError as error:
            raise errors.Unavailable("log_slow", "the log does not answer; please repeat") from error

    def _check_request(self, request: Request) -> None:
        if request.method != "POST":
            raise errors.MethodRefused("method_not_allowed", "webhooks are posted")
        declared = request.header(b"content-length")
        if declared is not None and declared.isdecimal() and self._is_too_large(declared):
            raise self._too_large()
        if request.content_type not in CONTENT_TYPES:
            raise errors.ContentRefused("content_type_unsupported", "expected application/json")
        if (request.header(b"content-encoding") or "identity").lower() != "identity":
            raise errors.ContentRefused("content_encoding_unsupported", "the signature is over plain bytes")

    async def _read(self, receive: Receive, body: Body) -> None:
        try:
            async with asyncio.timeout(self._rules.body_seconds_max):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    self._hold(message.get("body", b""), body)
                    if not message.get("more_body", False):
                        body.complete = True
                        return
        except TimeoutError as error:
            raise errors.BodyTimedOut("body_timeout", "the body did not arrive in time") from error

    def _hold(self, chunk: bytes, body: Body) -> None:
        body.raw += chunk
        self._held_bytes += len(chunk)
        if len(body.raw) > self._rules.body_bytes_max:
            raise self._too_large()
        if self._held_bytes > self._rules.held_bytes_max and len(body.raw) > SMALL_BODY_BYTES:
            raise errors.Unavailable("bodies_too_many", "too many large bodies at once; please repeat")

    def _is_too_large(self, declared: str) -> bool:
        # int() refuses thousands of digits with an error of its own.
        return len(declared) > LENGTH_DIGITS_MAX or int(declared) > self._rules.body_bytes_max

    def _too_large(self) -> errors.BodyTooLarge:
        return errors.BodyTooLarge("body_too_large", f"at most {self._rules.body_bytes_max} bytes")


_EXTRA = {
    405: [(b"allow", b"POST")],
    429: [(b"retry-after", b"1")],
    503: [(b"retry-after", b"1")],
}


async def _answer_refusal(send: Send, refusal: errors.Refused, *, close: bool) -> None:
    problem = {
        "type": "about:blank",
        "title": refusal.detail,
        "status": refusal.status,
        "reason": refusal.reason,
    }
    extra = [*_EXTRA.get(refusal.status, ()), *([(b"connection", b"close")] if close else ())]
    await _answer(send, refusal.status, b"application/problem+json", orjson.dumps(problem), extra)


async def _answer(
    send: Send, status: int, content_type: bytes, body: bytes, extra: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
