"""What the gateway answers by itself, in Telnyx's own error format, so that an SDK raises its usual exception.

Each refusal has a stable ``reason`` for people and logs beside Telnyx's ``code``. Nothing that was sent is repeated in
a refusal: a wrong value may be a key press or a password.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Fault:
    """One error as Telnyx writes it. ``pointer`` is a JSON pointer to what is wrong."""

    code: str
    title: str
    detail: str
    pointer: str | None = None

    def said(self) -> dict[str, object]:
        """Give it as it stands in an answer."""
        source = {} if self.pointer is None else {"source": {"pointer": self.pointer}}
        return {"code": self.code, "title": self.title, "detail": self.detail, **source}


class Refused(Exception):
    """A request is not forwarded, or its outcome is not known. ``may_repeat``: whether an SDK should try again."""

    def __init__(self, status: int, reason: str, *faults: Fault, may_repeat: bool = False) -> None:
        super().__init__(faults[0].detail)
        self.status = status
        self.reason = reason
        self.faults = faults
        self.may_repeat = may_repeat

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Give the answer's headers. SDKs repeat 408, 409, 429 and 5xx by themselves unless told not to."""
        wait = [(b"retry-after", b"1")] if self.may_repeat else []
        return [
            (b"content-type", b"application/json"),
            (b"x-callaudit-reason", self.reason.encode()),
            (b"x-should-retry", b"true" if self.may_repeat else b"false"),
            *wait,
        ]

    @property
    def body(self) -> bytes:
        """Give the answer's body."""
        return orjson.dumps({"errors": [fault.said() for fault in self.faults]})


_TITLES: Mapping[str, str] = {
    "10004": "Missing required parameter",
    "10005": "Resource not found",
    "10007": "Unexpected error",
    "10009": "Authentication failed",
    "10010": "Authorization failed",
    "10015": "Bad Request",
    "10023": "Invalid JSON",
    "10026": "Invalid type",
    "10029": "Expected JSON Content-Type",
    "10030": "Method not allowed",
    "10032": "Invalid enumerated value",
    "10033": "Value outside of range",
    "10036": "Request is being processed",
    "10037": "Service unavailable",
    "90014": "Invalid value for digits",
    "90015": "Invalid Call Control ID",
    "90017": "Invalid value for client_state",
    "90027": "Invalid value for duration_millis",
}


def fault(code: str, detail: str, pointer: str | None = None) -> Fault:
    """Give an error by Telnyx's code."""
    return Fault(code, _TITLES[code], detail, pointer)


def refused(status: int, reason: str, code: str, detail: str, *, may_repeat: bool = False) -> Refused:
    """Give a refusal of one error."""
    return Refused(status, reason, fault(code, detail), may_repeat=may_repeat)
