"""Requests gone wrong in every way we could think of, as bytes for a socket; the same for the same seed.

Each starts as a genuine delivery. What is signed is noted in ``Mutants.signed``: no other body may ever be stored.
"""

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

import simulator
from tests.acceptance import server

PATH = b"/webhooks/telnyx"
FORM = b"application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One request. ``genuine``: it must be taken. ``whole``: it is HTTP, and owed an answer."""

    raw: bytes
    genuine: bytes | None = None
    whole: bool = True
    method: bytes = b"POST"


@dataclass(slots=True)
class Request:
    """A request before it is written out."""

    body: bytes
    headers: list[tuple[bytes, bytes]]
    method: bytes = b"POST"
    target: bytes = PATH
    version: bytes = b"HTTP/1.1"
    sent: bytes | None = None  # the body as it goes out, where its framing is not a length
    framed: bool = True

    def write(self) -> bytes:
        """Write it out."""
        sent = self.body if self.sent is None else self.sent
        length = [(b"content-length", b"%d" % len(sent))] if self.framed and self.sent is None else []
        lines = [b" ".join((self.method, self.target, self.version))]
        lines += [name + b": " + value for name, value in [(b"host", b"a"), *self.headers, *length]]
        return b"\r\n".join(lines) + b"\r\n\r\n" + sent


@dataclass
class Mutants:
    """A source of mutants."""

    seed: int
    key: simulator.Key
    now: int
    signed: set[bytes] = field(default_factory=set[bytes])
    number: int = 0

    def __post_init__(self) -> None:
        """Begin at the seed."""
        self._random = random.Random(self.seed)
        self._ways: list[Callable[[], Mutant]] = [
            self.odd_but_signed,
            self.odd_but_signed,
            self.body_changed,
            self.body_changed,
            self.headers_changed,
            self.headers_changed,
            self.headers_changed,
            self.line_changed,
            self.chunked,
            self.broken_framing,
            self.bytes_changed,
            self.bytes_changed,
            self.cut_off,
            self.noise,
        ]

    def next(self) -> Mutant:
        """Give the next."""
        self.number += 1
        return self._random.choice(self._ways)()

    # Genuine

    def odd_but_signed(self) -> Mutant:
        """Telnyx signed it, so it is evidence, whatever it is."""
        body = self._odd_body()
        request = self._request(body)
        if self._random.random() < 0.3:
            request.headers = [pair for pair in request.headers if pair[0] != b"content-type"]
            request.headers.append((b"Content-Type", self._random.choice([FORM, b"", b"application/JSON ;charset=x"])))
        return Mutant(request.write(), genuine=body)

    def chunked(self) -> Mutant:
        """The same bytes in pieces, with extensions and trailers."""
        request = self._request(self._body())
        request.headers.append((b"transfer-encoding", b"chunked"))
        left, pieces = request.body, b""
        while left:
            size = self._random.choice([1, 7, 100, 5_000])
            piece, left = left[:size], left[size:]
            extension = self._random.choice([b"", b"", b";a=b", b";" + b"x" * 50])
            pieces += b"%x%b\r\n%b\r\n" % (len(piece), extension, piece)
        trailer = self._random.choice([b"", b"", b"telnyx-timestamp: 1\r\n", b"x: y\r\n" * 3])
        request.sent = pieces + b"0\r\n" + trailer + b"\r\n"
        return Mutant(request.write(), genuine=request.body)

    # Forged

    def body_changed(self) -> Mutant:
        """Another body under a genuine signature."""
        request = self._request(self._body())
        body = bytearray(request.body)
        match self._random.randrange(5):
            case 0:
                body[self._random.randrange(len(body))] ^= 1 << self._random.randrange(8)
            case 1:
                del body[self._random.randrange(len(body)) :]
            case 2:
                body += self._random.randbytes(self._random.randrange(1, 300))
            case 3:
                body = bytearray(self._random.randbytes(self._random.choice([0, 1, 500, 70_000])))
            case _:
                body = bytearray(b'{"digits":"' * self._random.choice([10, 3_000]))
        request.body = bytes(body)
        return Mutant(request.write())

    def headers_changed(self) -> Mutant:
        """Headers missing, twice, broken, huge, many."""
        request = self._request(self._body())
        place = self._random.randrange(len(request.headers))
        name, value = request.headers[place]
        odd = self._random.choice(
            [b"", b" ", b"\xff\xfe", b"0", b"-1", b"9" * 400, b"\t" + value, value + value, value[:-1], value.upper()]
        )
        match self._random.randrange(8):
            case 0:
                del request.headers[place]
            case 1:
                request.headers.append((name, odd))
            case 2:
                request.headers[place] = name, odd
            case 3:
                request.headers.append((b"x-padding", b"a" * self._random.choice([1_000, 31_000, 40_000])))
            case 4:
                request.headers += [(b"x-%d" % n, b"b") for n in range(self._random.choice([50, 90, 150]))]
            case 5:
                signature = base64.b64encode(self._random.randbytes(self._random.choice([64, 64, 63, 0]))).decode()
                request.headers.append((b"telnyx-signature-ed25519", signature.encode()))
            case 6:
                request.headers.append((self._random.choice([b"content-type", b"content-encoding", b"upgrade"]), odd))
            case _:
                request.headers.append((b"x-forwarded-for", self._forwarded()))
        return Mutant(request.write())

    def line_changed(self) -> Mutant:
        """Another method, path or version."""
        request = self._request(self._body())
        request.method = self._random.choice(
            [b"POST", b"GET", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT", b"post", b"\xff"]
        )
        request.target = self._random.choice(
            [
                *(PATH, PATH + b"?a=b", PATH + b"/", b"/webhooks/%74elnyx", b"//webhooks/telnyx", b"http://a" + PATH),
                *(b"/healthz", b"/checkpoint", b"/tile/0/x000", b"/" + b"a" * 40_000, b"/\xff", b"/%", b"*", b""),
            ]
        )
        request.version = self._random.choice([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.1 ", b"x"])
        return Mutant(request.write(), method=request.method)

    def broken_framing(self) -> Mutant:
        """Lengths and encodings that contradict each other or the body."""
        request = self._request(self._body())
        request.framed = False
        size = len(request.body)
        request.headers += self._random.choice(
            [
                [(b"content-length", b"%d" % (size + 50))],
                [(b"content-length", b"%d" % (size // 2))],
                [(b"content-length", b"-5")],
                [(b"content-length", b"+%d" % size)],
                [(b"content-length", b"9" * 30)],
                [(b"content-length", b"%d" % 2**31)],
                [(b"content-length", b"%d" % size), (b"content-length", b"%d" % (size - 1))],
                [(b"content-length", b"%d" % size), (b"transfer-encoding", b"chunked")],
                [(b"transfer-encoding", b"chunked")],
                [(b"transfer-encoding", b"gzip, chunked")],
                [(b"transfer-encoding", b"identity")],
                [(b"expect", b"100-continue"), (b"content-length", b"%d" % (size + 1))],
                [(b"connection", b"upgrade"), (b"upgrade", b"h2c"), (b"content-length", b"%d" % size)],
            ]
        )
        return Mutant(request.write(), whole=False)

    def bytes_changed(self) -> Mutant:
        """A few bytes anywhere."""
        raw = bytearray(self._request(self._body()).write())
        for _ in range(self._random.randrange(1, 6)):
            place = self._random.randrange(len(raw))
            match self._random.randrange(3):
                case 0:
                    raw[place] = self._random.randrange(256)
                case 1:
                    raw[place:place] = self._random.choice(
                        [b"\r\n", b"\x00", b":", b" ", b"\r", b"\n", b"\xff", b"%00"]
                    )
                case _:
                    del raw[place : place + self._random.randrange(1, 20)]
        return Mutant(bytes(raw), whole=False)

    def cut_off(self) -> Mutant:
        """A beginning."""
        raw = self._request(self._body()).write()
        return Mutant(raw[: self._random.randrange(len(raw))], whole=False)

    def noise(self) -> Mutant:
        """No HTTP at all."""
        lengths = [1, 20, 500, 40_000]
        return Mutant(self._random.randbytes(self._random.choice(lengths)) + b"\r\n\r\n", whole=False)

    # Parts

    def _request(self, body: bytes) -> Request:
        self.signed.add(body)
        headers = self.key.sign(str(self.now), body)
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        if self._random.random() < 0.9:
            pairs.append((b"x-forwarded-for", self._forwarded()))
        return Request(body, pairs)

    def _forwarded(self) -> bytes:
        octets = [b"%d" % self._random.randrange(256) for _ in range(2)]
        spread = b"203.0." + b".".join(octets)
        return self._random.choice(
            [spread, spread, spread, b"2001:db8::" + octets[0], b"x, " + spread, b"\xff", b"," * 90]
        )

    def _body(self) -> bytes:
        return server.webhook(self.number, token=self._random.randbytes(8).hex())

    def _odd_body(self) -> bytes:
        """Give a body that Telnyx would hardly send; each is another."""
        token = b"%d-%016x" % (self.number, self._random.getrandbits(64))
        whole: dict[str, Any] = orjson.loads(self._body())
        odd: Any = self._random.choice(
            [None, True, 0, -1, 2**63, 1e308, "", "\x00", "x" * 5_000, [], {}, [[]], "\ud7ff"]
        )
        if self._random.random() < 0.5:
            return self._random.choice(
                [
                    token + self._random.randbytes(self._random.randrange(200)),
                    b"[" * self._random.choice([1, 500, 5_000]) + token,
                    b'{"data":{"id":"%b","id":1,"payload":NaN}}' % token,
                    b'{"data":{"id":"%b","x":"\\ud800","y":%b}}' % (token, b"9" * 400),
                    b"\xef\xbb\xbf" + orjson.dumps(token.decode()),
                    b"\xff\xfe" + token.decode().encode("utf-16-le"),
                    b"CallSid=%b&a=%%zz&b[]=c&&=" % token,
                    orjson.dumps(whole)[: -self._random.randrange(1, 200)] + token,
                ]
            )
        place = self._random.choice([whole["data"], whole["data"]["payload"]])
        place[self._random.choice(list(place))] = odd
        return orjson.dumps({**whole, "token": token.decode()}) + b" " * self._random.randrange(3)
