"""Reading fields of a payload that somebody else wrote: every field may be missing or of another type.

Total: a value of the type asked for, or None. What the values mean is for the caller to say.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from calls import canonical

SIP_STATUS_DIGITS_MAX = 4


def string(payload: Mapping[str, Any], key: str) -> str | None:
    """Give a non-empty string, or None: an empty or mistyped field says nothing."""
    value = payload.get(key)
    return value if isinstance(value, str) and value else None


def first_string(payloads: Iterable[Mapping[str, Any]], key: str) -> str | None:
    """Give the field from the first payload that carries it as a non-empty string."""
    for payload in payloads:
        value = payload.get(key)
        if isinstance(value, str) and value:
            return value
    return None


def text(value: object) -> str | None:
    """Give a string as sent, any other JSON value as JSON text; None for null, missing and too deep."""
    if value is None or isinstance(value, str):
        return value
    encoded = canonical.encode(value)
    return None if encoded is None else encoded.decode()


def sip_status(value: object) -> int | None:
    """Read a SIP status sent as a number or as digits; up to four digits are kept as they are, 0 included."""
    if isinstance(value, str) and value.isascii() and value.strip().isdigit():
        value = int(value.strip()) if len(value.strip()) <= SIP_STATUS_DIGITS_MAX else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**SIP_STATUS_DIGITS_MAX:
        return value
    return None
