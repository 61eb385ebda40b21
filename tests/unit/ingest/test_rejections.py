"""Refusals are written down behind the answer, masked, and never hold anybody up."""

import asyncio
import pickle
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest

from calls import masking
from ingest import errors, rejections
from ingest.budget import Budget
from ingest.webhook import Request
from store.rejections import Counted, Rejection
from tests.unit.ingest import door

MISMATCH = errors.SignatureRejected("signature_mismatch", "not signed")
SIGNATURE = door.signature(b"0", b"")
HEADERS = {
    b"content-type": b"application/json",
    b"telnyx-timestamp": b"1790000000",
    b"telnyx-signature-ed25519": SIGNATURE.encode(),
}


@dataclass
class Book:
    """Where refusals are written; it fails while told to."""

    kept: list[Rejection] = field(default_factory=list[Rejection])
    counted: Counter[Counted] = field(default_factory=Counter[Counted])
    heard: list[tuple[type[Exception], int]] = field(default_factory=list[tuple[type[Exception], int]])
    failing: bool = False
    began: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    let_through: threading.Event = field(default_factory=threading.Event)

    def hear(self, error: Exception, lost: int) -> None:
        """Take note that so many were not written."""
        self.heard.append((type(error), lost))

    def keep(self, batch: Sequence[Rejection], counts: Mapping[Counted, int]) -> None:
        """Write down, or fail."""
        self.began.release()
        assert self.let_through.wait(timeout=10)
        if self.failing:
            self.failing = False
            raise OSError("no space")
        self.kept += batch
        self.counted.update(counts)


def request(address: str = "192.0.2.7", **headers: bytes) -> Request:
    """Give the head of a request."""
    given = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return Request("POST", address, {**HEADERS, **given}, door.NOW_SECONDS * 1_000_000)


def recorder_for(book: Book) -> rejections.Recorder:
    """Give a recorder that writes into the book."""
    return rejections.Recorder(book.keep, door.BOX, book.hear)


def numbered(number: int) -> bytes:
    """Give an object that holds a number."""
    return b'{"n":%d}' % number


def sized(size: int, mark: str = "x") -> bytes:
    """Give an object of so many bytes."""
    return b'{"":"%b"}' % (mark.encode() * (size - 7))


def written(*bodies: bytes, refusal: errors.Refused = MISMATCH, **headers: bytes) -> list[Rejection]:
    """Give what is written down of refused bodies."""

    async def run() -> list[Rejection]:
        book = Book()
        book.let_through.set()
        async with recorder_for(book) as recorder:
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
    assert (kept.signed_timestamp, kept.signature) == ("1790000000", SIGNATURE)
    assert (kept.received_at, kept.network) == (datetime.fromtimestamp(door.NOW_SECONDS, UTC), "192.0.2.7")
    assert kept.sealed_body is None


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


def test_refusal_with_a_recording_url_keeps_stars_in_its_place_and_the_exact_bytes_sealed() -> None:
    """What grants access is masked in refused bytes too, and can still be verified by whoever has the key."""
    body = b'{"recording_urls":{"mp3":"https://example.com/a?grant=1"}}'
    (kept,) = written(body)
    assert kept.body == b'{"recording_urls":{"mp3":"%b"}}' % (b"*" * 29)
    assert kept.sealed_body is not None
    assert (door.BOX.open(kept.sealed_body), kept.signature) == (body, SIGNATURE)


def test_refusal_with_a_recording_url_and_digits_seals_nothing() -> None:
    """The digits could be found by trying, with the key or the signature at hand."""
    (kept,) = written(b'{"recording_urls":{"mp3":"https://example.com/a?grant=1"},"digits":"4929"}')
    assert (kept.body, kept.sealed_body, kept.signature) == (None, None, None)


def test_refusal_of_a_large_body_with_secrets_is_masked_too() -> None:
    """Up to 64 KiB the bytes are looked at, so that a wrong key loses no evidence."""
    body = b'{"recording_url":"https://example.com/a","x":"%b"}' % (b"y" * 60_000)
    (kept,) = written(body)
    assert kept.sealed_body is not None
    assert kept.body is not None
    assert b"example" not in kept.body


def test_refusal_of_a_large_body_keeps_none_of_it() -> None:
    """Masking a megabyte for a stranger costs more than it is worth; its length is noted."""
    body = sized(rejections.BODY_BYTES_MAX + 1)
    (kept,) = written(body)
    assert (kept.body, kept.signature, kept.body_bytes) == (None, None, len(body))


def test_answer_503_is_no_refusal() -> None:
    """The delivery was good, and comes again."""
    assert written(b"", refusal=errors.Unavailable("log_unavailable", "repeat")) == []


DAY = date(2026, 9, 21)


def test_refusals_are_only_counted_when_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood makes the count go up, not the memory; nobody waits."""
    monkeypatch.setattr(rejections, "WAITING_MAX", 3)
    monkeypatch.setattr(rejections, "ADDRESS_SHARE", 1)

    async def run() -> None:
        book = Book()
        async with recorder_for(book) as recorder:
            recorder.refused(MISMATCH, request(), numbered(0))
            assert await asyncio.to_thread(book.began.acquire, timeout=10)
            for _ in range(5):
                recorder.refused(MISMATCH, request(), numbered(1))
            book.let_through.set()
        assert [each.body for each in book.kept] == [numbered(0), numbered(1), numbered(1), numbered(1)]
        assert book.counted == {Counted(DAY, "signature_mismatch", "192.0.2.7"): 2}

    asyncio.run(run())


def test_one_address_leaves_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what may wait, one address takes a share at most, be it of rows or of bytes."""
    monkeypatch.setattr(rejections, "WAITING_MAX", 8)
    monkeypatch.setattr(rejections, "WAITING_BYTES_MAX", 80)

    async def run() -> None:
        book = Book()
        async with recorder_for(book) as recorder:
            recorder.refused(MISMATCH, request("192.0.2.1"), b"")
            assert await asyncio.to_thread(book.began.acquire, timeout=10)
            for body in (sized(18), sized(8), sized(8)):
                recorder.refused(MISMATCH, request("2001:db8::1"), body)
            recorder.refused(MISMATCH, request("2001:db8::2"), sized(8))
            recorder.refused(MISMATCH, request("192.0.2.2"), sized(20))
            book.let_through.set()
        assert [each.body for each in book.kept] == [b"", sized(18), None, sized(20)]
        assert book.counted == {Counted(DAY, "signature_mismatch", "2001:db8::/64"): 2}

    asyncio.run(run())


def test_rate_limited_refusal_is_only_counted() -> None:
    """It costs a number, and no more."""

    async def run() -> None:
        book = Book()
        book.let_through.set()
        async with recorder_for(book) as recorder:
            for _ in range(3):
                recorder.refused(errors.RateLimited(errors.RATE_LIMITED, "wait"), request(), b"body")
        assert (book.kept, book.counted) == ([], {Counted(DAY, "rate_limited", "192.0.2.7"): 3})

    asyncio.run(run())


def test_addresses_told_apart_between_two_writes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood from ever new addresses, limited or not, is one more number."""
    monkeypatch.setattr(rejections, "COUNTED_MAX", 2)

    async def run() -> None:
        book = Book()
        book.let_through.set()
        async with recorder_for(book) as recorder:
            for number in (1, 2, 3, 4, 1):
                limited = errors.RateLimited(errors.RATE_LIMITED, "wait")
                recorder.refused(limited, request(f"192.0.2.{number}"), b"")
        assert {counted.network: refused for counted, refused in book.counted.items()} == {
            "192.0.2.1": 2,
            "192.0.2.2": 1,
            "other": 2,
        }

    asyncio.run(run())


def test_masking_beyond_its_budget_is_not_done_and_the_quiet_are_served_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever has us mask much is looked at last; what is over the budget keeps no bytes and no signature."""
    flood = [sized(9, mark) for mark in "abc"]
    looked_at: list[bytes] = []
    clock = [0.0]

    def mask(body: bytes, **_: bool) -> masking.Masked:
        looked_at.append(body)
        clock[0] += 0.1
        return masking.Masked(body, guessable=False, bearer=False)

    monkeypatch.setattr(masking, "mask", mask)

    async def run() -> None:
        book = Book()
        book.let_through.set()
        async with recorder_for(book) as recorder:
            recorder._masking = Budget(0.25, clock=lambda: 0.0, worked=lambda: clock[0])
            for body in flood:
                recorder.refused(MISMATCH, request("192.0.2.1"), body)
            recorder.refused(MISMATCH, request("192.0.2.2"), sized(8))
        assert looked_at == [sized(8), *flood[:2]]
        assert [each.body for each in book.kept] == [*flood[:2], None, sized(8)]
        assert [each.signature is None for each in book.kept] == [False, False, True, False]

    asyncio.run(run())


def test_masking_of_a_flood_takes_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies made to be dear to mask cost a quarter of a second, and a quarter of the time that passes."""
    dear = b"{" + b",".join([b'"digits":"1"'] * 5_000) + b"}"
    assert len(dear) < rejections.BODY_BYTES_MAX
    pieces: list[float] = []
    mask = masking.mask

    def measured(body: bytes, *, form: bool, transcripts: bool) -> masking.Masked:
        began = time.thread_time()
        try:
            return mask(body, form=form, transcripts=transcripts)
        finally:
            pieces.append(time.thread_time() - began)

    monkeypatch.setattr(masking, "mask", measured)
    began = time.monotonic()
    assert len(written(*[dear] * 60)) == 60
    passed = time.monotonic() - began
    assert sum(pieces) < rejections.MASKING_SHARE * (1 + passed) + max(pieces)
    assert 0 < len(pieces) < 60


def test_bytes_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit a refusal is noted without its bytes."""
    monkeypatch.setattr(rejections, "WAITING_BYTES_MAX", 20)
    monkeypatch.setattr(rejections, "ADDRESS_SHARE", 1)

    async def run() -> None:
        book = Book()
        async with recorder_for(book) as recorder:
            recorder.refused(MISMATCH, request(), b"")
            assert await asyncio.to_thread(book.began.acquire, timeout=10)
            for body in (sized(12), sized(8), sized(8), b""):
                recorder.refused(MISMATCH, request(), body)
            book.let_through.set()
        assert [each.body for each in book.kept] == [b"", sized(12), sized(8), None, b""]

    asyncio.run(run())


def test_headers_that_wait_are_bounded() -> None:
    """Of a refusal only the headers that are kept are held, and no more of them than is kept."""

    async def run() -> int:
        recorder = recorder_for(Book())
        huge = b"x" * 30_000
        headers = {"content_type": huge, "telnyx_timestamp": huge, "telnyx_signature_ed25519": huge, "cookie": huge}
        recorder.refused(MISMATCH, request(**headers), numbered(0))
        return len(pickle.dumps(recorder._waiting.refusals))

    assert asyncio.run(run()) < 5_000


def test_refusals_that_cannot_be_written_are_told_and_written_later() -> None:
    """A database that is away for a while is heard of, and costs nothing that may be evidence."""

    async def run() -> None:
        book = Book(failing=True)
        async with recorder_for(book) as recorder:
            recorder.refused(MISMATCH, request(), numbered(0))
            recorder.refused(errors.RateLimited(errors.RATE_LIMITED, "wait"), request(), b"")
            assert await asyncio.to_thread(book.began.acquire, timeout=10)
            recorder.refused(MISMATCH, request(), numbered(1))
            book.let_through.set()
        assert book.heard == [(OSError, 0)]
        assert (recorder.dropped, [each.body for each in book.kept]) == (0, [numbered(0), numbered(1)])
        assert book.counted == {Counted(DAY, "rate_limited", "192.0.2.7"): 1}

    asyncio.run(run())


def test_many_refusals_are_written_in_portions_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the database, each write is short; what one portion brought is not written again with the next."""
    monkeypatch.setattr(rejections, "PORTION", 2)
    portions: list[list[bytes | None]] = []
    counted: Counter[Counted] = Counter()

    def keep(batch: Sequence[Rejection], counts: Mapping[Counted, int]) -> None:
        if len(portions) == 1 and not heard:
            raise OSError
        portions.append([each.body for each in batch])
        counted.update(counts)

    heard: list[int] = []
    failed = asyncio.Event()

    def hear(_: Exception, lost: int) -> None:
        heard.append(lost)
        failed.set()

    async def run() -> None:
        async with rejections.Recorder(keep, door.BOX, hear) as recorder:
            recorder.refused(errors.RateLimited(errors.RATE_LIMITED, "wait"), request(), b"")
            for number in range(5):
                recorder.refused(MISMATCH, request(), numbered(number))
            async with asyncio.timeout(10):
                await failed.wait()

    asyncio.run(run())
    assert portions == [[numbered(0), numbered(1)], [numbered(2), numbered(3)], [numbered(4)]]
    assert (heard, counted) == ([0], {Counted(DAY, "rate_limited", "192.0.2.7"): 1})


@pytest.mark.parametrize(("limit", "value"), [("WAITING_MAX", 2), ("WAITING_BYTES_MAX", 16)])
def test_refusals_held_for_later_are_bounded(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    """Of what does not fit, the count is written."""
    monkeypatch.setattr(rejections, "ADDRESS_SHARE", 1)
    monkeypatch.setattr(rejections, "RETRY_SECONDS", 0.01)

    async def run() -> None:
        book = Book(failing=True)
        async with recorder_for(book) as recorder:
            for _ in range(3):
                recorder.refused(MISMATCH, request(), sized(8))
            assert await asyncio.to_thread(book.began.acquire, timeout=10)
            monkeypatch.setattr(rejections, limit, value)
            book.let_through.set()
            assert await asyncio.to_thread(book.began.acquire, timeout=10)
        assert book.heard == [(OSError, 1)]
        assert [each.body for each in book.kept] == [sized(8)] * 2
        assert (recorder.dropped, book.counted) == (1, {Counted(DAY, "signature_mismatch", "192.0.2.7"): 1})

    asyncio.run(run())


def test_recorder_ends_though_nothing_can_be_written() -> None:
    """A database that is away does not keep a server from stopping."""

    def keep(*_: object) -> None:
        raise OSError

    async def run() -> None:
        async with rejections.Recorder(keep, door.BOX, lambda *_: None) as recorder:
            recorder.refused(MISMATCH, request(), numbered(0))
        assert recorder.dropped == 1

    asyncio.run(run())
