"""HTTP on one connection, bounded: uvicorn's protocol over httptools, which by itself limits neither heads nor waiting.

Bounds, each with what becomes of a connection beyond it:

1. a request's line, headers and trailers are so many bytes and headers: 431, and closed;
2. they are complete within a time, from connecting or from their first byte on: 408, and closed;
3. a peer takes the answers it asked for within a time: closed;
4. so many connections are open: whichever has waited longest for its peer makes room. A request that is complete is
   never given up for that; where all are, a new connection is answered 503, but for the health of the server;
5. so many requests wait on one connection: closed after their answers;
6. a request is read to its end or the connection is closed with its answer: nobody goes on sending for nothing.

What is no HTTP is answered 400. Nothing that a stranger sent is ever written to a log here.
"""

import asyncio
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from callaudit import refusals

HEAD_BYTES_MAX_DEFAULT = 32 * 2**10
"""A webhook's head has about 600 bytes; a browser with many cookies sends some thousands."""

HEADERS_MAX_DEFAULT = 100

HEAD_SECONDS_MAX_DEFAULT = 5.0
"""Telnyx itself waits two seconds for the answer."""

ANSWER_SECONDS_MAX_DEFAULT = 10.0
"""For a peer to take some 50 KB of what it was answered."""

PIPELINE_MAX = 32
"""Requests that one connection may send ahead: each takes a hundred times the memory of its bytes."""

CONNECTIONS_MAX_DEFAULT = 1_000
SPARE_FILES = 128
"""Of the files a process may open, those left to the database, the spool, and what else is no connection."""

HEALTH_CONNECTIONS = 32
"""More connections than may be open, for those who ask whether the server is well."""

HEALTH = frozenset({b"/healthz", b"/readyz", b"/readyz/worker", b"/metrics"})

LINGER_SECONDS = 1.0
"""How long what a refused peer still sends is thrown away, so that it gets to read why."""


def connections_max() -> int:
    """Give how many connections this process may hold open."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = files == resource.RLIM_INFINITY
    return CONNECTIONS_MAX_DEFAULT if unlimited else max(1, min(CONNECTIONS_MAX_DEFAULT, files - SPARE_FILES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of a process's connections."""

    head_bytes_max: int = HEAD_BYTES_MAX_DEFAULT
    headers_max: int = HEADERS_MAX_DEFAULT
    head_seconds_max: float = HEAD_SECONDS_MAX_DEFAULT
    answer_seconds_max: float = ANSWER_SECONDS_MAX_DEFAULT
    connections_max: int = CONNECTIONS_MAX_DEFAULT


def _unheard(_reason: str) -> None:
    """Hear of no refusal."""


def bounded(limits: Limits, refused: Callable[[str], None] = _unheard) -> type["Bounded"]:
    """Give the protocol for uvicorn's ``http=``: all connections it makes share these limits.

    ``refused`` hears the reason of each refusal (``refusals.REASONS``).
    """
    return type("BoundedWithin", (Bounded,), {"limits": limits, "waiting": {}, "refused": staticmethod(refused)})


class HeadTooLarge(Exception):
    """Raised to the parser, which stops at it."""


class TooManyRequests(Exception):
    """Raised to the parser, which stops at it; there are answers to come."""


class Bounded(HttpToolsProtocol):
    """One connection. Use ``bounded`` to get a class of them."""

    limits: ClassVar[Limits]
    waiting: ClassVar[dict["Bounded", None]]
    """Connections that wait for their peer, the longest first."""

    refused: ClassVar[Callable[[str], None]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0  # of the line, headers and trailers of this request, as parsed
        self._stalled_bytes = 0  # received since its begin without any progress
        self._advanced = False  # by the bytes being parsed: something other than a head or trailer grew
        self._reading = False  # a request has begun, and has not been read to its end
        self._in_head = False  # nor to the end of its headers
        self._is_one_too_many = False
        self._refused = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    # Connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Admit a connection, making room for it."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections_max + HEALTH_CONNECTIONS:
            transport.abort()
            return
        while len(self.connections) > self.limits.connections_max and self.waiting:
            next(iter(self.waiting)).give_up()  # (4)
        self._is_one_too_many = len(self.connections) > self.limits.connections_max
        self._wait()
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        self._stop_head_timer()
        self._stop_write_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def give_up(self) -> None:
        """Close the connection now, whatever its peer was about to send."""
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, as far as the limits go."""
        if self._refused or self.parser is None:
            return
        self._unset_keepalive_if_required()
        self._advanced = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # to nothing we speak: answered as it stands, then closed
            self._close_after_answers()
        except httptools.HttpParserError as error:
            too_large = isinstance(error.__context__, HeadTooLarge)
            self._refuse(refusals.HEAD_TOO_LARGE if too_large else refusals.NO_HTTP)
        else:
            self._check_progress(len(data))

    def _check_progress(self, size: int) -> None:
        if not self._advanced:
            self._stalled_bytes += size
            if self._stalled_bytes > self.limits.head_bytes_max:  # (1)
                self._refuse(refusals.HEAD_TOO_LARGE)
                return
        if self._is_idle() and self._head_timer is None:  # (2) also what precedes a request
            self._start_head_timer()

    # The parser's callbacks

    def on_message_begin(self) -> None:
        """Begin a request at its first byte."""
        super().on_message_begin()
        self._advanced = self._reading = self._in_head = True
        self._head_bytes = self._stalled_bytes = 0
        if self._head_timer is None:
            self._start_head_timer()

    def on_url(self, url: bytes) -> None:
        """Take some of its path."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; trailers, after the body, are counted and left out."""
        self._count(len(name) + len(value) + 4)
        if not self._in_head:
            return
        if len(self.headers) >= self.limits.headers_max:
            raise HeadTooLarge
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer it, with all its headers there."""
        self._advanced = True
        self._in_head = False
        self._stop_head_timer()
        if len(self.pipeline) >= PIPELINE_MAX:
            raise TooManyRequests  # (5)
        if self._is_one_too_many and self.url.partition(b"?")[0] not in HEALTH:
            type(self).refused(refusals.CONNECTIONS_FULL)
            self.app = refusals.full  # (4)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take some of its body."""
        self._advanced = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that it is complete: from here on the answer is ours to give."""
        self._advanced = True
        self._reading = False
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note that an answer is written; the next request, if one waits, is under way already."""
        super().on_response_complete()
        if self._reading and self._is_idle():  # (6)
            self._linger()
        elif self._is_idle():
            self._wait()

    # Writing

    def pause_writing(self) -> None:
        """Note that the peer does not take its answers."""
        super().pause_writing()
        self._wait()
        self._write_timer = self.loop.call_later(self.limits.answer_seconds_max, self.give_up)  # (3)

    def resume_writing(self) -> None:
        """Note that it took some."""
        super().resume_writing()
        self._stop_write_timer()
        if not self._is_idle():
            self._stop_waiting()

    # What is refused

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._reading or self._stalled_bytes:
            self._refuse(refusals.HEAD_TOO_LATE)
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, answer: bytes) -> None:
        """Answer, unless an earlier request is still to be answered: then that one's answer is the last."""
        type(self).refused(refusals.REASON_OF[answer])
        self._stop_head_timer()
        if self._answers_are_due():
            self._close_after_answers()
        elif (cycle := self._unanswered()) is not None and cycle.response_started:
            self.give_up()
        elif not self.transport.is_closing():
            self.transport.write(answer)
            self._linger()

    def _linger(self) -> None:
        """Close, but let the peer read what it was told first: what it still sends would have the system drop that."""
        self._refused = True
        self._unset_keepalive_if_required()
        if not self.transport.is_closing():
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self._wait()
            self._stop_head_timer()
            self._head_timer = self.loop.call_later(LINGER_SECONDS, self.give_up)
        if (cycle := self._unanswered()) is not None:  # whoever waits for the body is told
            cycle.disconnected = True
            cycle.message_event.set()

    def _close_after_answers(self) -> None:
        self._refused = True
        if (cycle := self._unanswered()) is not None:
            cycle.keep_alive = False

    def _answers_are_due(self) -> bool:
        """Tell whether a request that is complete is not answered yet."""
        cycle = self._unanswered()
        return bool(self.pipeline) or (cycle is not None and not cycle.more_body)

    # State

    def _unanswered(self) -> RequestResponseCycle | None:
        """Give the request that came last, where it is not answered yet."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # there is none at first
        return None if cycle is None or cycle.response_complete else cycle

    def _is_idle(self) -> bool:
        return self._unanswered() is None and not self.pipeline

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.limits.head_bytes_max:
            raise HeadTooLarge

    def _wait(self) -> None:
        self.waiting.pop(self, None)
        self.waiting[self] = None

    def _stop_waiting(self) -> None:
        self.waiting.pop(self, None)

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.limits.head_seconds_max, self._head_is_late)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
