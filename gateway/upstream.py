"""Telnyx, or what stands for it: requests go out as they came in, but for who asks.

Nothing is added to a request and nothing left out but what belongs to one connection, the caller's key, and what was
said to us alone. Nothing is ever sent twice here.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

URL_DEFAULT = "https://api.telnyx.com/v2"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS_DEFAULT = 20.0
"""SDKs wait a minute."""

ANSWER_BYTES_MAX = 4 * 2**20
"""Those of commands have a hundred bytes; what is larger is no answer of Telnyx."""

CONNECTIONS_MAX = 200
IDLE_SECONDS = 4.0
"""A connection that was idle longer may just be closing at the other end, which would leave a command in doubt."""

Headers = Sequence[tuple[bytes, bytes]]

_OF_ONE_CONNECTION = frozenset(
    [
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    ]
)
_OURS = frozenset([b"host", b"authorization", b"content-length", b"expect"])
_OTHER_METHODS = frozenset([b"x-http-method-override", b"x-http-method", b"x-method-override"])
"""By which a GET might be read as something that is recorded."""
_SAID_TO_US = b"x-audit-"


class NotSent(Exception):
    """The upstream was not reached: nothing was sent, and it may be tried again."""


class NoAnswer(Exception):
    """It was sent, and no answer came: whether anything was done is not known. ``reason`` says how it ended."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is read whole; ``body`` as it came, perhaps compressed."""

    status: int
    headers: Headers
    body: bytes

    @property
    def content(self) -> bytes:
        """What the body says, uncompressed; empty where it is not what its headers say."""
        try:
            return httpx.Response(self.status, headers=list(self.headers), content=self.body).content
        except httpx.DecodingError:
            return b""


class Upstream:
    """Sends requests over connections that are kept. ``url`` includes ``/v2``."""

    def __init__(self, url: str, api_key: str, *, answer_seconds: float = ANSWER_SECONDS_DEFAULT) -> None:
        self._base = httpx.URL(url.rstrip("/"))
        self._answer_seconds = answer_seconds
        self._authorization = b"Bearer " + api_key.encode()
        timeout = httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
        limits = httpx.Limits(
            max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX, keepalive_expiry=IDLE_SECONDS
        )
        transport = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
        self._client = httpx.AsyncClient(timeout=timeout, transport=transport, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, method: str, path: str, query: bytes, headers: Headers, body: bytes) -> Answer:
        """Send once and read the whole answer. Raises NotSent or NoAnswer."""
        try:
            async with (
                asyncio.timeout(CONNECT_SECONDS + self._answer_seconds),
                self.streaming(method, path, query, headers, body) as answer,
            ):
                return Answer(answer.status_code, passed_back(answer), await _read(answer))
        except TimeoutError as error:  # each part came in time, and the whole did not
            raise NoAnswer("no_answer") from error

    @asynccontextmanager
    async def streaming(
        self, method: str, path: str, query: bytes, headers: Headers, body: bytes
    ) -> AsyncGenerator[httpx.Response]:
        """Send once and give the answer to be read as it comes. Raises NotSent or NoAnswer."""
        request = httpx.Request(method, self._url(path, query), headers=self._headers(headers), content=body or None)
        if not body and method not in {"GET", "HEAD"}:
            request.headers["content-length"] = "0"
        try:
            answer = await self._client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise NotSent(type(error).__name__) from error
        except httpx.HTTPError as error:
            raise NoAnswer(_how(error)) from error
        try:
            yield answer
        finally:
            await answer.aclose()

    def _url(self, path: str, query: bytes) -> httpx.URL:
        raw = self._base.raw_path.rstrip(b"/") + path.removeprefix("/v2").encode()
        return self._base.copy_with(raw_path=raw + (b"?" + query if query else b""))

    def _headers(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        named = {name.strip().lower() for key, value in headers if key == b"connection" for name in value.split(b",")}
        left_out = _OF_ONE_CONNECTION | _OURS | _OTHER_METHODS | named
        kept = [(n, v) for n, v in headers if n not in left_out and not n.startswith(_SAID_TO_US)]
        return [(b"host", self._base.netloc), *kept, (b"authorization", self._authorization)]


async def _read(answer: httpx.Response) -> bytes:
    content = bytearray()
    try:
        async for chunk in answer.aiter_raw():
            content += chunk
            if len(content) > ANSWER_BYTES_MAX:
                raise NoAnswer("answer_too_large")
    except httpx.HTTPError as error:
        raise NoAnswer(_how(error)) from error
    return bytes(content)


def passed_back(answer: httpx.Response) -> list[tuple[bytes, bytes]]:
    """Give the headers of an answer that are its caller's: all but those of one connection."""
    return [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _OF_ONE_CONNECTION]


def _how(error: httpx.HTTPError) -> str:
    return "no_answer" if isinstance(error, httpx.TimeoutException) else "connection_lost"
