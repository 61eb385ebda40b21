"""The webhook endpoint without a server: requests as ASGI messages, the log and the refusals in memory."""

import asyncio
import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from nacl.signing import SigningKey

from ingest import errors, keys, webhook
from ingest.strongbox import Strongbox
from store.entry import Entry, Kept
from store.errors import StoreError

SIGNING_KEY = SigningKey(bytes(range(32)))
PUBLIC_KEY = base64.b64encode(bytes(SIGNING_KEY.verify_key)).decode()
NOW_SECONDS = 1_790_000_000
DAY = "2026-09-21"
"""The day of it, in UTC."""
BOX = Strongbox(bytes(32))
EVENT = (
    b'{"data":{"id":"event-1","event_type":"call.answered","occurred_at":"2026-09-21T13:33:19.5Z",'
    b'"payload":{"call_leg_id":"leg-1"}}}'
)


class TooEager(AssertionError):
    """The body was read where the answer was known before."""


@dataclass
class Log:
    """A log in memory. ``failure`` is raised instead of keeping; ``gate`` is awaited before."""

    entries: list[Entry] = field(default_factory=list[Entry])
    failure: StoreError | None = None
    gate: asyncio.Event | None = None

    async def put(self, entry: Entry) -> Kept:
        """Keep the entry, or say that it is known."""
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        known = [each.key for each in self.entries]
        if entry.key in known:
            return Kept(known.index(entry.key), redelivered=True)
        self.entries.append(entry)
        return Kept(len(known), redelivered=False)


@dataclass(frozen=True)
class Answer:
    """What was sent back."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The body of a refusal."""
        assert self.headers[b"content-type"] == b"application/problem+json"
        return orjson.loads(self.body)


def trusting(**given: Any) -> webhook.Rules:
    """Give rules under which the fixed key is trusted."""
    said: dict[str, Any] = {"public_keys": keys.public_keys(PUBLIC_KEY), **given}
    return webhook.Rules(**said)


@dataclass
class Door:
    """An endpoint and all it wrote down."""

    log: Log = field(default_factory=Log)
    rules: webhook.Rules = field(default_factory=trusting)
    peer: str | None = None
    refused_: list[tuple[errors.Refused, bytes]] = field(default_factory=list[tuple[errors.Refused, bytes]])
    addresses: list[str] = field(default_factory=list[str])

    def refused(self, refusal: errors.Refused, request: webhook.Request, body: bytes) -> None:
        """Take note of a refusal."""
        self.addresses.append(request.remote_address)
        self.refused_.append((refusal, body))

    @property
    def reasons(self) -> list[str]:
        """Why requests were refused."""
        return [refusal.reason for refusal, _ in self.refused_]

    def post(self, body: bytes = EVENT, headers: Mapping[str, str | bytes | None] | None = None, **more: Any) -> Answer:
        """Post a signed body; ``headers`` replace the genuine ones, None leaves one out."""
        given = {**signed(body), **(headers or {})}
        pairs = [
            (name.encode(), value if isinstance(value, bytes) else value.encode("latin-1"))
            for name, value in given.items()
            if value is not None
        ]
        return asyncio.run(self.answer(pairs, [body], **more))

    async def answer(
        self,
        headers: Iterable[tuple[bytes, bytes]],
        chunks: Iterable[bytes] | None,
        *,
        method: str = "POST",
        endpoint: webhook.Webhook | None = None,
    ) -> Answer:
        """Answer one request; without chunks, its body must not be read. One endpoint may answer several."""
        client = None if self.peer is None else (self.peer, 4_711)
        scope = {"type": "http", "method": method, "path": webhook.PATH, "headers": list(headers), "client": client}
        sent: list[dict[str, Any]] = []
        messages = _never() if chunks is None else _messages(list(chunks))

        async def receive() -> dict[str, Any]:
            return next(messages)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await (endpoint or self.endpoint)(scope, receive, send)
        start, body = sent
        return Answer(start["status"], dict(start["headers"]), body["body"])

    @property
    def endpoint(self) -> webhook.Webhook:
        """A new endpoint."""
        return webhook.Webhook(self.rules, self.log, self, BOX, lambda: NOW_SECONDS * 1_000_000 + 500_000)


def signature(timestamp: bytes, body: bytes, key: SigningKey = SIGNING_KEY) -> str:
    """Sign as Telnyx does."""
    return base64.b64encode(key.sign(timestamp + b"|" + body).signature).decode()


def signed(body: bytes, seconds: int = NOW_SECONDS, key: SigningKey = SIGNING_KEY) -> dict[str, str]:
    """Give the headers of a genuine delivery."""
    return {
        "content-type": "application/json",
        "telnyx-timestamp": str(seconds),
        "telnyx-signature-ed25519": signature(b"%d" % seconds, body, key),
    }


def _messages(chunks: list[bytes]) -> Iterator[dict[str, Any]]:
    for number, chunk in enumerate(chunks, start=1):
        yield {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
    raise TooEager("read beyond the end")


def _never() -> Iterator[dict[str, Any]]:
    raise TooEager("read a body that no longer matters")
    yield {}
