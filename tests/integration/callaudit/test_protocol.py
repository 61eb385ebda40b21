"""Connections beyond their limits, over real sockets: what they are told, and that the others go on."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
import uvloop

from callaudit import protocol

HEAD = 1_000
SOON = 0.25
"""Seconds that tests wait for what is late."""

DEADLINE_SECONDS = 20.0


@dataclass
class App:
    """An application that answers with what it got; ``gate`` is awaited before, where its path says so."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    headers: list[list[tuple[bytes, bytes]]] = field(default_factory=list[list[tuple[bytes, bytes]]])
    gone: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        self.headers.append(scope["headers"])
        body = b"x" * 100_000 if scope["path"] == "/large" else b"hello"
        if scope["path"] == "/gated":
            await self.gate.wait()
        if scope["path"] == "/read":
            body = b""
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    self.gone += 1
                    return
                body += message["body"]
                more = message["more_body"]
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})


@dataclass
class Site:
    """A server under test."""

    app: App
    port: int
    server: uvicorn.Server
    peers: list["Peer"] = field(default_factory=list["Peer"])

    async def connect(self, sent: bytes = b"") -> "Peer":
        """Connect, and send something at once."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        self.peers.append(Peer(reader, writer))
        return self.peers[-1]

    async def ask(self, sent: bytes) -> bytes:
        """Send something, and give all that comes back until the server closes."""
        return await (await self.connect(sent)).rest()


@dataclass
class Peer:
    """One connection, seen from the other side."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def rest(self) -> bytes:
        """Give what comes until the server closes."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b"reset"

    async def answer(self) -> bytes:
        """Give the body of one answer."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None
            return head + await self.reader.readexactly(int(length[1]))


@asynccontextmanager
async def serving(**limits: Any) -> AsyncGenerator[Site]:
    """Serve within limits during the block."""
    app = App()
    listener = socket.create_server(("127.0.0.1", 0))
    given = protocol.Limits(**{"head_bytes_max": HEAD, "headers_max": 10, **limits})
    config = uvicorn.Config(app, http=protocol.bounded(given), ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    site = Site(app, listener.getsockname()[1], server)
    try:
        await until(lambda: server.started)
        yield site
    finally:
        for peer in site.peers:
            peer.writer.transport.abort()
        app.gate.set()
        server.should_exit = True
        await running


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test on the loop that the server runs on."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(test())


def get(path: bytes = b"/", *headers: bytes) -> bytes:
    """Give a request."""
    return b"\r\n".join([b"GET " + path + b" HTTP/1.1", b"host: a", *headers, b"", b""])


def padded(size: int) -> bytes:
    """Give a request whose line and headers are counted as so many bytes."""
    return get(b"/", b"x: " + b"y" * (size - len("/hosta") - 4 - 4 - 1))


def status(answer: bytes) -> int:
    """Give the status of an answer."""
    return int(answer.removeprefix(b"HTTP/1.1 ")[:3])


@pytest.mark.parametrize("chunk", [100_000, 100], ids=["at once", "in pieces"])
def test_head_is_taken_up_to_its_limit(chunk: int) -> None:
    """One byte more is answered 431, however it arrives, and the application hears nothing of it."""

    async def test() -> None:
        async with serving() as site:
            for sent, expected in ((padded(HEAD), 200), (padded(HEAD + 1), 431)):
                peer = await site.connect()
                for start in range(0, len(sent), chunk):
                    peer.writer.write(sent[start : start + chunk])
                    await peer.writer.drain()
                    await asyncio.sleep(0.001)
                assert status(await peer.answer()) == expected
            assert len(site.app.headers) == 1

    run(test)


@pytest.mark.parametrize(
    "endless",
    [b"GET /", get()[:-2] + b"x: ", get()[:-2] + b"x", b"\r\n", b"GET / HTTP/1.1\r\nx: y\r\n x: "],
    ids=["path", "value", "name", "line ends", "folded"],
)
def test_head_without_an_end_is_answered_before_it_fills_the_memory(endless: bytes) -> None:
    """What does not end is cut off at the limit, not at the end of time."""

    async def test() -> None:
        async with serving() as site:
            peer = await site.connect(endless)
            filler = b"\r\n" * 200 if endless == b"\r\n" else b"a" * 400
            for _ in range(20):
                peer.writer.write(filler)
                await asyncio.sleep(0.001)
            assert status(await peer.rest()) in {400, 431}
            assert site.app.headers == []

    run(test)


def test_headers_are_limited_in_number() -> None:
    """A thousand small ones are as dear as a large one."""

    async def test() -> None:
        async with serving() as site:
            assert status(await site.ask(get(b"/", *[b"a: b"] * 10))) == 431
            assert status(await (await site.connect(get(b"/", *[b"a: b"] * 9))).answer()) == 200

    run(test)


def test_slow_head_is_answered_408_and_closed() -> None:
    """A header a while, for ever, holds a connection for so long and no longer."""

    async def test() -> None:
        async with serving(head_seconds_max=SOON) as site:
            peer = await site.connect(b"GET / HTTP/1.1\r\n")
            dripping = asyncio.create_task(drip(peer, b"a: b\r\n"))
            began = asyncio.get_running_loop().time()
            assert status(await peer.rest()) == 408
            assert SOON * 0.9 < asyncio.get_running_loop().time() - began < 3
            dripping.cancel()
            assert site.app.headers == []

    run(test)


def test_silent_connection_is_closed_without_a_word() -> None:
    """Nobody asked anything."""

    async def test() -> None:
        async with serving(head_seconds_max=SOON) as site:
            assert await site.ask(b"") == b""

    run(test)


def test_line_ends_between_requests_hold_no_connection() -> None:
    """They are no request, so they do not put off the end."""

    async def test() -> None:
        async with serving(head_seconds_max=SOON) as site:
            peer = await site.connect(get())
            await peer.answer()
            dripping = asyncio.create_task(drip(peer, b"\r\n"))
            assert status(await peer.rest()) == 408
            dripping.cancel()

    run(test)


def test_second_request_has_its_own_time_and_size() -> None:
    """Limits are of a request, not of a connection."""

    async def test() -> None:
        async with serving(head_seconds_max=SOON) as site:
            peer = await site.connect()
            for _ in range(3):
                peer.writer.write(padded(HEAD))
                assert status(await peer.answer()) == 200
                await asyncio.sleep(SOON / 2)
            peer.writer.write(b"GET / HTTP/1.1\r\nx: ")
            assert status(await peer.rest()) == 408

    run(test)


def test_slow_answer_is_waited_for() -> None:
    """The time is for what the peer owes, not for ours; a late next request comes after the answer."""

    async def test() -> None:
        async with serving(head_seconds_max=SOON) as site:
            peer = await site.connect(get(b"/gated") + b"GET /")
            await asyncio.sleep(2 * SOON)
            site.app.gate.set()
            assert status(await peer.answer()) == 200
            assert await peer.rest() == b""

    run(test)


CHUNKED = b"POST /read HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"


def test_trailers_are_no_headers() -> None:
    """What comes after the body cannot add to what was checked before it."""

    async def test() -> None:
        async with serving() as site:
            peer = await site.connect(CHUNKED + b"3\r\nabc\r\n0\r\ntelnyx-timestamp: 1\r\n\r\n")
            assert (await peer.answer()).endswith(b"abc")
            assert site.app.headers == [[(b"host", b"a"), (b"transfer-encoding", b"chunked")]]

    run(test)


@pytest.mark.parametrize("trailer", [b"a: b\r\n", b"x" * 100], ids=["many", "endless"])
def test_trailers_are_limited_too(trailer: bytes) -> None:
    """A body's end that never comes is cut off, and the application told that its peer is gone."""

    async def test() -> None:
        async with serving() as site:
            peer = await site.connect(CHUNKED + b"3\r\nabc\r\n0\r\n")
            for _ in range(300):
                peer.writer.write(trailer)
                await asyncio.sleep(0)
            assert status(await peer.rest()) == 431
            assert site.app.gone == 1

    run(test)


def test_broken_body_is_answered_400() -> None:
    """Chunks that are none end the request while it waits for them."""

    async def test() -> None:
        async with serving() as site:
            assert status(await site.ask(CHUNKED + b"zz\r\n")) == 400
            assert site.app.gone == 1

    run(test)


def test_body_that_nobody_reads_ends_with_the_answer() -> None:
    """A request that is answered before its end is not read to it."""

    async def test() -> None:
        async with serving() as site:
            said = await site.ask(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 1_000)
            assert status(said) == 200

    run(test)


def test_no_http_is_answered_400_after_what_was_asked_before() -> None:
    """Garbage behind a request neither replaces its answer nor is answered in its place."""

    async def test() -> None:
        async with serving() as site:
            assert status(await site.ask(b"\x00\xff\r\n\r\n")) == 400
            said = await site.ask(get() + b"\x00\xff\r\n\r\n")
            assert status(said) == 200
            assert said.count(b"HTTP/1.1") == 1

    run(test)


def test_upgrade_is_answered_as_what_it_is_and_closed() -> None:
    """Nothing else is spoken here."""

    async def test() -> None:
        async with serving() as site:
            said = await site.ask(get(b"/", b"connection: upgrade", b"upgrade: websocket", b"sec-websocket-key: a"))
            assert (status(said), said.count(b"HTTP/1.1")) == (200, 1)

    run(test)


def test_requests_sent_ahead_are_limited() -> None:
    """So many are answered, in order; then the connection ends."""

    async def test() -> None:
        async with serving() as site:
            said = await site.ask(get() * 500)
            assert said.count(b"HTTP/1.1 200") == protocol.PIPELINE_MAX + 1

    run(test)


def test_peer_that_takes_no_answer_is_given_up() -> None:
    """Answers that nobody reads do not stay."""

    async def test() -> None:
        async with serving(answer_seconds_max=SOON) as site:
            peer = await site.connect()
            while site.server.server_state.connections or not site.app.headers:
                peer.writer.write(get(b"/large"))
                await asyncio.sleep(0.001)

    run(test)


def test_new_connection_takes_the_place_of_the_one_that_waited_longest() -> None:
    """However many are held open for nothing, whoever comes with a request is answered."""

    async def test() -> None:
        async with serving(connections_max=3) as site:
            peers = [await site.connect(begun) for begun in (b"", b"GET / HT", CHUNKED + b"3\r\n")]
            await until(lambda: len(site.server.server_state.connections) == 3)
            peers[0].writer.write(get())
            await peers[0].answer()  # it waits last now
            for longest in (peers[1], peers[2]):
                other = await site.connect(get())
                assert status(await other.answer()) == 200
                assert await longest.rest() == b""
            peers[0].writer.write(get())
            assert status(await peers[0].answer()) == 200
            assert len(site.server.server_state.connections) == 3

    run(test)


def test_request_that_is_complete_is_never_given_up_and_health_is_told_all_the_same() -> None:
    """Where all connections are at work, more are told to come again, but for those who ask how the server is."""

    async def test() -> None:
        async with serving(connections_max=2) as site:
            busy = [await site.connect(get(b"/gated")) for _ in range(2)]
            await until(lambda: len(site.app.headers) == 2)
            said = await site.ask(get())
            assert (status(said), b"connections_full" in said, b"retry-after: 1" in said) == (503, True, True)
            assert status(await (await site.connect(get(b"/healthz"))).answer()) == 200
            assert status(await (await site.connect(get(b"/readyz?x"))).answer()) == 200
            site.app.gate.set()
            assert [status(await peer.answer()) for peer in busy] == [200, 200]
            assert status(await (await site.connect(get())).answer()) == 200

    run(test)


def test_connections_beyond_those_for_health_are_closed_at_once() -> None:
    """The number of open ones is bounded whatever they ask."""

    async def test() -> None:
        async with serving(connections_max=1) as site:
            await site.connect(get(b"/gated"))
            await until(lambda: len(site.app.headers) == 1)
            many = [await site.connect() for _ in range(protocol.HEALTH_CONNECTIONS * 2)]
            assert len(site.server.server_state.connections) <= 1 + protocol.HEALTH_CONNECTIONS
            assert len(many) > protocol.HEALTH_CONNECTIONS

    run(test)


def test_connections_leave_files_for_everything_else() -> None:
    """The limit follows what the system gives a process."""
    assert 1 <= protocol.connections_max() <= protocol.CONNECTIONS_MAX_DEFAULT


async def drip(peer: Peer, drop: bytes) -> None:
    """Send a little, again and again."""
    while True:
        peer.writer.write(drop)
        await asyncio.sleep(SOON / 10)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what the server does."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110  there is no signal of it
            await asyncio.sleep(0.001)
