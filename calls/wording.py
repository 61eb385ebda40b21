"""The parts of an event's payload that a sentence may show, worded for people.

Total: a field that is missing, of another type or not fit to be shown gives an empty text. Text from outside
loses control characters and is short; web addresses, passwords and digits pressed do not pass. What is said
with the words is left to ``calls.sentences``.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from calls import causes, instants
from calls.event import Event

TEXT_SHOWN_MAX: Final = 80
"""Text from outside is cut to this many characters."""

_ADDRESS = re.compile(r"\S*(?:://|www\.)\S*", re.IGNORECASE)
_SCHEME = re.compile(r"\s*(?:sips?|tel):", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z][A-Za-z ,.'()_-]*")
_LABEL = re.compile(r"[\w .,'()+-]+")
_NUMBER_MAX = 1_000_000_000


def field(event: Event, key: str) -> Any:
    """Give a field of the payload as it is; None where there is no payload to speak of."""
    payload: object = event.payload
    return payload.get(key) if isinstance(payload, Mapping) else None


def shown(value: object) -> str:
    """Show free text: printable, on one line, short, without web addresses."""
    if not isinstance(value, str):
        return ""
    head = value[: 4 * TEXT_SHOWN_MAX]
    line = " ".join("".join(c if c.isprintable() else " " for c in head).split())
    text = _ADDRESS.sub("(address)", line)
    cut = len(text) > TEXT_SHOWN_MAX or len(head) < len(value)
    return f"{text[: TEXT_SHOWN_MAX - 1]}…" if cut else text


def words(event: Event, key: str) -> str:
    """Show a value of the provider's vocabulary. What holds a digit is not of it, and is left out."""
    text = field(event, key)
    plain = isinstance(text, str) and len(text) <= TEXT_SHOWN_MAX and _WORDS.fullmatch(text)
    return text.replace("_", " ").replace("-", " ") if plain else ""


def label(event: Event, key: str) -> str:
    """Show a name somebody gave, of a queue or a media file. What may be an address is left out."""
    text = field(event, key)
    return text if isinstance(text, str) and len(text) <= TEXT_SHOWN_MAX and _LABEL.fullmatch(text) else ""


def choice(event: Event, key: str, choices: Mapping[str, str], default: str = "") -> str:
    """Put one of the values a field may have into words."""
    value = field(event, key)
    return choices.get(value, default) if isinstance(value, str) else default


def after(lead: str, text: str, tail: str = "") -> str:
    """Put a text between others; nothing where there is no text."""
    return f"{lead}{text}{tail}" if text else ""


def parties(event: Event) -> str:
    """Give ``from`` and ``to``, as far as known."""
    return after(" from ", _party(field(event, "from"))) + after(" to ", _party(field(event, "to")))


def _party(address: object) -> str:
    """Show a number or SIP address without scheme, password and parameters."""
    if not isinstance(address, str) or _ADDRESS.search(address):
        return ""
    user, at, host = re.split(r"[;?]", _SCHEME.sub("", address, count=1), maxsplit=1)[0].rpartition("@")
    # Without an @ what stands before the colon is a host or a cut-off user: a password may follow in both.
    return shown(f"{user.partition(':')[0]}{at}{host.partition(':')[0]}")


def count(event: Event, key: str) -> int | None:
    """Give a whole number that is not negative and of a size people read."""
    value = field(event, key)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value < _NUMBER_MAX else None


def duration(seconds: float) -> str:
    """Write a duration in seconds as people do: ``0.4 s``, ``4 min 52 s``, ``2 min``, ``1 h 3 min``."""
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, rest = divmod(int(seconds), 60)
    hours, part = divmod(minutes, 60)
    pieces = (hours, "h"), (part, "min"), (0 if hours else rest, "s")
    return " ".join(f"{number} {unit}" for number, unit in pieces if number)


def seconds(event: Event, key: str) -> str:
    """Show a field that counts seconds as a duration."""
    value = count(event, key)
    return "" if value is None else duration(value)


def span(start: instants.Instant | None, end: instants.Instant | None) -> str:
    """Show the time between two instants; nothing where one is missing or they are inverted."""
    return "" if start is None or end is None or end < start else duration((end - start) / instants.SECOND)


def cause(event: Event, key: str) -> str:
    """Name a cause, with its number in its own namespace."""
    value = causes.normalise(field(event, key))
    if value.name is None:
        return "no cause given"
    if value.name == "UNKNOWN":
        number = count(event, key)
        return f"unrecognised cause {shown(value.raw) if number is None else number}".rstrip()
    if value.namespace == "sip":
        return f"SIP {value.sip_status}"
    name = value.name.lower().replace("_", " ")
    if value.q850_code is not None:
        return f"{name} (Q.850 {value.q850_code})"
    return name if value.freeswitch_code is None else f"{name} (FreeSWITCH {value.freeswitch_code})"


def sip(event: Event, key: str) -> str:
    """Show the SIP status of a field that holds one."""
    status = causes.normalise(field(event, key), sip_field=True).sip_status
    return "" if status is None else f"SIP {status}"
