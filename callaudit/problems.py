"""What our own endpoints answer instead of what was asked for: RFC 9457 problems, each with a stable ``reason``."""

from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse


def problem(
    status: int, reason: str, title: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Give the answer; ``title`` is a sentence for people, ``more`` are further members."""
    said = {"type": "about:blank", "title": title, "status": status, "reason": reason, **more}
    return JSONResponse(said, status, headers, media_type="application/problem+json")
