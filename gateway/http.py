"""Reading requests and writing answers, as plain ASGI."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway import upstream
from gateway.errors import refused
from gateway.parsing import Target
from gateway.upstream import Answer, Headers

BODY_BYTES_MAX = 2 * 2**20
BODY_SECONDS_MAX = 10.0

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Gone(Exception):
    """The client hung up before its body was complete; there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was read whole."""

    target: Target
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: bytes) -> str | None:
        """Give a header's first value as text, or None where it is missing."""
        return header(self.headers, name)

    @property
    def is_json(self) -> bool:
        """Tell whether the body says that it is JSON, or says nothing."""
        kind = (self.header(b"content-type") or "application/json").partition(";")[0]
        return kind.strip().lower() == "application/json"


def header(headers: Headers, name: bytes) -> str | None:
    """Give a header's first value as text, or None where it is missing."""
    return next((_text(value) for key, value in headers if key == name), None)


def _text(value: bytes) -> str:
    """Decode a header: as what programs write today, else as HTTP once had it."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def bearer(headers: Headers) -> str | None:
    """Give the token of a bearer's authorization."""
    scheme, _, token = (header(headers, b"authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def read(receive: Receive) -> bytes:
    """Read a body, up to a limit and within a time. Raises Refused or Gone."""
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                raw += message.get("body", b"")
                if len(raw) > BODY_BYTES_MAX:
                    raise refused(413, "body_too_large", "10015", f"At most {BODY_BYTES_MAX} bytes; nothing was sent.")
                if not message.get("more_body", False):
                    return bytes(raw)
    except TimeoutError as error:
        raise refused(408, "body_timeout", "10015", "The body did not arrive in time; nothing was sent.") from error


async def stream(send: Send, answer: httpx.Response) -> None:
    """Pass an answer on as it comes."""
    await send({"type": "http.response.start", "status": answer.status_code, "headers": upstream.passed_back(answer)})
    async for chunk in answer.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def write(send: Send, answer: Answer) -> None:
    """Write an answer that is there whole."""
    given = [(name, value) for name, value in answer.headers if name != b"content-length"]
    headers = [*given, (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
