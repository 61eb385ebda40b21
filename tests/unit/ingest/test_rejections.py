"""Refusals are written down behind the answer, masked, and never hold anybody up."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from ingest import errors, rejections
from ingest.webhook import Request
from store.rejections import Rejection

MISMATCH = errors.SignatureRejected("signature_mismatch", "not signed")
HEADERS = {
    b"content-type": b"application/json",
    b"telnyx-timestamp": b"1790000000",
    b"telnyx-signature-ed25519": b"c2lnbmF0dXJl",
}


@dataclass
class Book:
    """Where refusals are written; it fails while told to."""

    kept: list[Rejection] = field(default_factory=list[Rejection])
    heard: list[tuple[type[Exception], int]] = field(default_factory=list[tuple[type[Exception], int]])
    failing: bool = False
    began: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    let_through: threading.Event = field(default_factory=threading.Event)

    def hear(self, error: Exception, lost: int) -> None:
        """Take note that so many were not written."""
        self.heard.append((type(error), lost))

    def keep(self, batch: Sequence[Rejection]) -> None:
        """Write down, or fail."""
        self.began.release()
        assert self.let_through.wait(timeout=10)
        if self.failing:
            self.failing = False
            raise OSError("no space")
        self.kept += batch


def request(**headers: bytes) -> Request:
    """Give the head of a request."""
    given = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return Request("POST", "192.0.2.7", {**HEADERS, **given})


def written(*bodies: bytes, refusal: errors.Refused = MISMATCH, **headers: bytes) -> list[Rejection]:
    """Give what is written down of refused bodies."""

    async def run() -> list[Rejection]:
        book = Book()
        book.let_through.set()
        async with rejections.Recorder(book.keep, book.hear) as recorder:
            for body in bodies:
                recorder.refused(refusal, request(**headers), body)
        assert (book.heard, recorder.dropped) == ([], 0)
        return book.kept

    return asyncio.run(run())


def test_refusal_is_written_down_with_its_bytes_and_headers() -> None:
    """People can see later what was refused, from where and why."""
    (kept,) = written(b'{"data":{}}')
    assert (kept.reason, kept.remote_address) == ("signature_mismatch", "192.0.2.7")
    assert (kept.body, kept.body_bytes, kept.content_type) == (b'{"data":{}}', 11, "application/json")
    assert (kept.signed_timestamp, kept.signature) == ("1790000000", "c2lnbmF0dXJl")
    assert kept.received_at.tzinfo is not None


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"data":{"payload":{"digits":"4929"}}}', b"application/json"),
        (b'{"data":{"payload":{"digits":"4929', b"application/json"),
        (b"Digits=4929", b"application/x-www-form-urlencoded; charset=utf-8"),
    ],
)
def test_refusal_with_digits_keeps_no_original(body: bytes, content_type: bytes) -> None:
    """Neither the body nor the signature that would let four digits be found by trying."""
    (kept,) = written(body, content_type=content_type)
    assert (kept.body, kept.signature, kept.body_bytes) == (None, None, len(body))


def test_refusal_with_a_recording_url_keeps_stars_in_its_place() -> None:
    """What grants access is masked in refused bytes too."""
    (kept,) = written(b'{"recording_urls":{"mp3":"https://example.com/a?grant=1"}}')
    assert kept.body == b'{"recording_urls":{"mp3":"%b"}}' % (b"*" * 29)


def test_refusal_of_a_large_body_keeps_none_of_it() -> None:
    """Masking a megabyte for a stranger costs more than it is worth; its length is noted."""
    body = b"x" * (rejections.BODY_BYTES_MAX + 1)
    (kept,) = written(body)
    assert (kept.body, kept.signature, kept.body_bytes) == (None, None, len(body))


def test_refusal_keeps_headers_short_and_storable() -> None:
    """A header of kilobytes, or with a NUL, does not stop the refusal from being written."""
    (kept,) = written(b"", content_type=b"a\0b" + b"c" * 9_999)
    assert kept.content_type == "a\ufffdb" + "c" * (rejections.HEADER_CHARACTERS_MAX - 3)


def test_answer_503_is_no_refusal() -> None:
    """The delivery was good, and comes again."""
    assert written(b"", refusal=errors.Unavailable("log_unavailable", "repeat")) == []


def test_refusals_are_dropped_and_counted_when_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood makes the count go up, not the memory; nobody waits."""
    monkeypatch.setattr(rejections, "WAITING_MAX", 3)

    async def run() -> None:
        book = Book()
        async with rejections.Recorder(book.keep, book.hear) as recorder:
            recorder.refused(MISMATCH, request(), b"0")
            assert await asyncio.to_thread(book.began.acquire, timeout=10)
            for _ in range(5):
                recorder.refused(MISMATCH, request(), b"1")
            assert recorder.dropped == 2
            book.let_through.set()
        assert [each.body for each in book.kept] == [b"0", b"1", b"1", b"1"]

    asyncio.run(run())


def test_bytes_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit a refusal is noted without its bytes."""
    monkeypatch.setattr(rejections, "WAITING_BYTES_MAX", 10)

    async def run() -> None:
        book = Book()
        async with rejections.Recorder(book.keep, book.hear) as recorder:
            recorder.refused(MISMATCH, request(), b"")
            assert await asyncio.to_thread(book.began.acquire, timeout=10)
            for body in (b"123456", b"7890", b"x", b""):
                recorder.refused(MISMATCH, request(), body)
            book.let_through.set()
        assert [each.body for each in book.kept] == [b"", b"123456", b"7890", None, b""]

    asyncio.run(run())


def test_refusals_that_cannot_be_written_are_told_and_the_next_are_written() -> None:
    """A full disk is heard of and counted, and does not end the recorder."""

    async def run() -> None:
        book = Book(failing=True)
        async with rejections.Recorder(book.keep, book.hear) as recorder:
            recorder.refused(MISMATCH, request(), b"0")
            assert await asyncio.to_thread(book.began.acquire, timeout=10)
            recorder.refused(MISMATCH, request(), b"1")
            book.let_through.set()
        assert book.heard == [(OSError, 1)]
        assert (recorder.dropped, [each.body for each in book.kept]) == (1, [b"1"])

    asyncio.run(run())
