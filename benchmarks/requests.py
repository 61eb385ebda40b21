"""Signed webhooks to replay: about 600 bytes each, every one its own event, as bytes of whole HTTP requests."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import orjson

import simulator
from calls import instants

KEY = simulator.key_from_seed(20261122)
PATH = "/webhooks/telnyx"


def write(folder: Path, name: str, count: int, threads: int) -> Path:
    """Write ``count`` requests, shared out over one file a load thread; gives the files' common stem."""
    stem = folder / name
    files = [(folder / f"{name}.{thread}").open("wb") for thread in range(threads)]
    for number, request in enumerate(_requests(count)):
        files[number % threads].write(b"%8d" % len(request) + request)
    for file in files:
        file.close()
    return stem


def _requests(count: int) -> Iterator[bytes]:
    timestamp = str(int(time.time()))
    start = instants.parse("2026-11-20T12:00:00Z") or 0
    for number in range(count):
        body = make_body(number, start)
        headers = {"host": "127.0.0.1", "content-length": str(len(body)), **KEY.sign(timestamp, body)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        yield f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode() + body


def make_body(number: int, start: int) -> bytes:
    """Make a webhook; six in a row are of one call."""
    call = uuid.uuid5(uuid.NAMESPACE_OID, str(number // 6))
    payload = {
        "call_control_id": f"v3:{call.hex}{call.hex[:22]}",
        "call_leg_id": str(call),
        "call_session_id": str(call),
        "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
        "connection_id": "1494404757140276705",
        "from": "+12025550101",
        "hangup_cause": "normal_clearing",
        "to": "+12025550102",
    }
    data = {
        "event_type": "siprec.stopped",
        "id": str(uuid.uuid4()),
        "occurred_at": instants.to_text(start + number * 1_000),
        "payload": payload,
        "record_type": "event",
    }
    return orjson.dumps({"data": data, "meta": {"attempt": 1, "delivered_to": "https://webhooks.example.com/telnyx"}})
