"""What a connection is told that goes beyond a limit: whole answers, as bytes or as an application."""

from typing import Any


def _problem(status: bytes, reason: bytes, title: bytes) -> bytes:
    body = _body(status, reason, title)
    head = b"content-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close\r\n" % len(body)
    return b"HTTP/1.1 %b\r\n%b\r\n%b" % (status, head, body)


def _body(status: bytes, reason: bytes, title: bytes) -> bytes:
    number = status.partition(b" ")[0]
    return b'{"type":"about:blank","title":"%b","status":%b,"reason":"%b"}' % (title, number, reason)


NO_HTTP = _problem(b"400 Bad Request", b"request_malformed", b"this is no HTTP request")
HEAD_TOO_LATE = _problem(b"408 Request Timeout", b"head_timeout", b"the headers did not arrive in time")
HEAD_TOO_LARGE = _problem(
    b"431 Request Header Fields Too Large", b"head_too_large", b"the request's line and headers are too large"
)

REASON_OF = {NO_HTTP: "request_malformed", HEAD_TOO_LATE: "head_timeout", HEAD_TOO_LARGE: "head_too_large"}
CONNECTIONS_FULL = "connections_full"
REASONS = (*REASON_OF.values(), CONNECTIONS_FULL)
"""Every reason here: a closed list, since each is a label of a metric."""

_FULL = _body(b"503", CONNECTIONS_FULL.encode(), b"too many connections; please repeat")


async def full(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer every request 503: it may be repeated."""
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(_FULL)),
        (b"retry-after", b"1"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _FULL})
