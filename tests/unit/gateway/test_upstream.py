"""What goes to Telnyx and what may come back: nothing by which a look becomes a command, nothing without bound."""

import asyncio

import pytest

from gateway import http, upstream
from gateway.upstream import NoAnswer, Upstream
from tests.acceptance import upstreams
from tests.acceptance.upstreams import Planned


async def sent(url: str, *headers: tuple[bytes, bytes], answer_seconds: float = 10.0) -> upstream.Answer:
    """Send one command to an upstream."""
    client = Upstream(url, "KEY", answer_seconds=answer_seconds)
    try:
        return await client.send("POST", "/v2/calls/x/actions/refer", b"", list(headers), b"{}")
    finally:
        await client.close()


@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-method-override"])
def test_no_other_method_is_named(name: str) -> None:
    """By which a look might be read as a command."""
    with upstreams.upstream() as behind:
        asyncio.run(sent(behind.url, (name.encode(), b"DELETE"), (b"x-kept", b"1")))
        (request,) = behind.received
    assert name not in request.headers
    assert request.headers["x-kept"] == "1"


def test_an_answer_without_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up at a bound, and whether the command was done is not known."""
    monkeypatch.setattr(upstream, "ANSWER_BYTES_MAX", 1_000)
    with upstreams.upstream() as behind:
        behind.plans.extend([Planned(body=b"x" * 1_000), Planned(body=b"x" * 1_001)])
        assert len(asyncio.run(sent(behind.url)).body) == 1_000
        with pytest.raises(NoAnswer) as failed:
            asyncio.run(sent(behind.url))
    assert failed.value.reason == "answer_too_large"


def test_an_answer_that_drips_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and the whole does not."""
    monkeypatch.setattr(upstream, "CONNECT_SECONDS", 0.2)
    ended = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 x\r\ncontent-length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.05)  # the pace of the drip is what is tested
        writer.close()
        ended.set()

    async def within() -> None:
        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NoAnswer) as failed:
            async with asyncio.timeout(5):
                await sent(f"http://127.0.0.1:{port}/v2", answer_seconds=0.2)
        assert failed.value.reason == "no_answer"
        await ended.wait()
        server.close()
        await server.wait_closed()

    asyncio.run(within())


@pytest.mark.parametrize("text", ["Prüfung", "Привет", "plain", "Łódź"])
def test_a_purpose_in_any_language_is_read_as_it_was_written(text: str) -> None:
    """As UTF-8, which programs write; what is none is read as HTTP once had it."""
    assert http.header([(b"x-audit-purpose", text.encode())], b"x-audit-purpose") == text
    assert http.header([(b"x-audit-purpose", "Prüfung".encode("latin-1"))], b"x-audit-purpose") == "Prüfung"
