"""Instants as integers: microseconds since 1970-01-01T00:00:00Z.

The provider stamps events to the microsecond; integers keep every difference exact. Only the edges
(JSON in, tables and text out) know about datetimes.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Instant: TypeAlias = int
"""Microseconds since 1970-01-01T00:00:00Z."""

MILLISECOND: int = 1_000
SECOND: int = 1_000_000

LAST: Instant = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z, the last instant that ISO 8601 and Python can write."""

FIRST: Instant = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z, the first one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ISO_8601 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse(text: object) -> Instant | None:
    """Read an ISO 8601 instant with its offset; anything else is None, never a guess.

    Digits beyond the microsecond are cut off. A time without an offset names no instant.
    """
    match = _ISO_8601.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    zone = "+00:00" if offset in "Zz" else offset
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{zone}")
    except ValueError:
        return None
    instant = (whole - _EPOCH) // _MICROSECOND + int((fraction or "0")[:6].ljust(6, "0"))
    return instant if FIRST <= instant <= LAST else None  # an offset may lead out of the years there are


def parse_day_or_instant(text: str) -> Instant | None:
    """Read what people write: an ISO 8601 instant with its offset, or a day, meaning its midnight in UTC."""
    return parse(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)


def to_datetime(instant: Instant) -> datetime:
    """Give the UTC datetime of an instant between the years 1 and 9999."""
    return _EPOCH + timedelta(microseconds=instant)


def from_datetime(moment: datetime) -> Instant:
    """Give the instant of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def to_text(instant: Instant) -> str:
    """Write an instant as Telnyx does: ISO 8601, UTC, six digits, ``Z``."""
    return to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
