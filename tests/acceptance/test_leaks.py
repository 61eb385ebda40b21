"""Secrets planted in every part of a request: none is in what the server says, answers or writes, but sealed."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import orjson

import simulator
from callaudit.postgres import Running
from tests.acceptance import home as homes
from tests.acceptance import search, server
from tests.conftest import Database
from tests.integration.store import log

STRANGER = simulator.key_from_seed("nobody's")
DIGITS, PASSWORD, URL = "4929000111222", "correct-horse-battery", "https://s3.example/planted.mp3?sig=0123"
FORM = "application/x-www-form-urlencoded"
PATH = "/webhooks/telnyx"
HEADERS = (
    *("host", "content-type", "content-encoding", "content-length", "transfer-encoding", "expect", "upgrade"),
    *("telnyx-timestamp", "telnyx-signature-ed25519", "x-forwarded-for", "user-agent", "authorization", "cookie"),
)


def bodies(secret: str, name: str) -> Iterator[tuple[str, bytes]]:
    """Give bodies with a secret under its name, each in another wrapping, with their content types."""
    json = orjson.dumps({"data": {"payload": {name: secret}}})
    yield "application/json", json
    yield "application/json", json[:-4]
    yield "application/json", json.replace(b'"', b"'")
    yield "application/json", b"\xef\xbb\xbf" + json
    yield "application/json", b'{"data":{"payload":{"%b" :\n\t"%b"' % (name.encode(), secret.encode())
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in name)
    yield "application/json", b'{"%b":"%b"}' % (escaped.encode(), secret.encode())
    yield "application/json", b'{"data":' * 900 + json + b"}" * 900
    yield "application/json", b'{"data":' * 3_000 + json
    yield "application/json", b"[" + json + b"," + json + b"]"
    yield "application/json", f"{name}={quote(secret)}&a=b".encode()
    yield FORM, f"a=b&{name.replace('_', '')}={quote(secret)}".encode()
    yield FORM, f"a=b&{name.title().replace('_', '')}={secret}".encode()
    yield FORM, json
    yield FORM, b"\xef\xbb\xbf" + json
    yield FORM, b"a=b\n" + json[:-3]
    yield f"{FORM}; charset={secret}", json


def heads(secret: str) -> Iterator[bytes]:
    """Give whole requests with a secret in their line or headers, or that are none."""
    raw = secret.encode()
    for line in (
        f"POST {PATH}?digits={quote(secret)}",
        f"POST /{quote(secret)}",
        f"GET /healthz?{quote(secret)}",
        f"{secret} {PATH}",
        f"POST http://{quote(secret)}{PATH}",
        f"GET /tile/{quote(secret)}",
        f"GET /metrics?name[]={quote(secret)}",
    ):
        yield f"{line} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n".encode()
    for name in HEADERS:
        yield b"POST %b HTTP/1.1\r\nhost: a\r\n%b: %b\r\n\r\n" % (PATH.encode(), name.encode(), raw)
        now = b"telnyx-timestamp: %d\r\n%b: %b" % (time.time(), name.encode(), raw)
        yield b"POST %b HTTP/1.1\r\nhost: a\r\n%b\r\n\r\n" % (PATH.encode(), now)
    yield b"POST %b HTTP/1.1\r\nhost: a\r\n%b: x\r\n\r\n" % (PATH.encode(), raw)
    yield b"POST %b HTTP/1.1\r\nhost: a\r\nx: %b\r\n\r\n" % (PATH.encode(), raw * 5_000)
    chunked = b"POST %b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" % PATH.encode()
    yield chunked + b"1;%b\r\n{\r\n0\r\nx: %b\r\n\r\n" % (raw, raw)
    yield chunked + raw
    yield raw + b"\r\n\r\n"
    yield b"\x16\x03\x01" + raw


def test_no_secret_planted_anywhere_comes_out_anywhere(cluster: Running, database: Database, tmp_path: Path) -> None:
    """Signed or not, whole or broken, in bodies, headers, paths or where no HTTP is: lines, answers, rows and files."""
    first_wal = log.value(database, "SELECT pg_walfile_name(pg_current_wal_lsn())")
    home = tmp_path / "home"
    with server.serving(database, home, CALLAUDIT_TRUSTED_PROXIES="127.0.0.1") as site:
        answers: list[bytes] = []
        for secret, name in ((DIGITS, "digits"), (PASSWORD, "sip_auth_password"), (URL, "recording_url")):
            for content_type, body in bodies(secret, name):
                for each in (site, replace(site, key=STRANGER)):
                    answer = each.post(body, {"content-type": content_type})
                    answers += [answer.content, *(value for pair in answer.headers.raw for value in pair)]
            answers += [_told(site, raw) for raw in heads(secret)]
        sent = log.value(database, "SELECT count(*) FROM log.events WHERE source = 'webhook'")
        homes.until(lambda: _refused(database) >= 3 * 16)
        said = "\n".join(site.said).encode()

    assert sent > 3 * 5
    written = search.contents_of(cluster, database, first_wal)
    written |= {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    written |= {"stderr": said, "answers": b"\n".join(answers)}
    for secret in (DIGITS, PASSWORD, URL):
        assert search.columns_with(database, secret) == []
        assert [name for name, holds in written.items() if secret.encode() in holds] == []
    assert any(b"signature_mismatch" in holds for holds in written.values())  # what is there is found
    assert b"signature_mismatch" in b"".join(answers)


def _told(site: server.Site, raw: bytes) -> bytes:
    """Send bytes as they are, and give all that comes back."""
    host, _, port = site.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=server.DEADLINE_SECONDS) as line:
        line.sendall(raw)
        line.shutdown(socket.SHUT_WR)
        parts: list[bytes] = []
        try:
            while part := line.recv(65_536):
                parts.append(part)
        except ConnectionResetError:
            pass
    return b"".join(parts)


def _refused(database: Database) -> int:
    return log.value(database, "SELECT coalesce(sum(refused), 0)::bigint FROM intake.rejection_counts WHERE kept > 0")
