"""Read any cause value of a webhook into one form, losing nothing (domain 2; 8b wins).

``normalise`` is total: every JSON value gives a Cause and the raw value stays in it. What is not understood
is UNKNOWN, never a normal clearing. What a cause means is told by ``calls.cause_meanings``.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from calls import cause_meanings, cause_tables
from calls.cause_meanings import Cause

__all__ = ["NORMALISER_VERSION", "TABLE_VERSION", "Cause", "normalise"]

NORMALISER_VERSION: Final = "1"
"""Changes whenever a rule below does."""

TABLE_VERSION: Final = cause_tables.TABLE_VERSION

TEXT_CACHED_MAX: Final = 256
"""Longer texts are read anew each time, so that hostile ones cannot fill the memory."""

NAME_MAX: Final = 120
"""No name or ITU text is longer, in characters."""

_DIGITS = re.compile(r"\d{1,4}", re.ASCII)
_SIP_PREFIXED = re.compile(r"sip:(\d{3})", re.ASCII | re.IGNORECASE)
_REASON_PREFIX = re.compile(r"reason\s*:\s*", re.IGNORECASE)
_LIST_ITEM = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*+"?)++', re.DOTALL)
_PARAMETER = re.compile(r'(?:[^";]|"(?:[^"\\]|\\.)*+"?)++', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 ,:()_./-]*")
_NUMBER_FIRST = re.compile(r"(\d{1,4})\s*([-\u2013\u2014:=/,(\[ ])\s*([A-Za-z].*?)\]?", re.ASCII)
_NAME_FIRST = re.compile(r"([A-Za-z].*?)\s*([-:=/,(\[ ])\s*(\d{1,4})[)\]]?", re.ASCII)
_OWN_NUMBERED = re.compile(r"(Q_?850|SIP)_(\d{1,3})", re.ASCII)

_PROTOCOLS: Mapping[str, str] = {"Q.850": "q850", "Q850": "q850", "FREESWITCH": "freeswitch", "SIP": "sip"}
_PREFERENCE = ("q850", "freeswitch", "sip")
_SIP_BELOW_300 = frozenset({180, 181, 182, 183, 199, 200, 202, 204})


def normalise(raw: object, *, sip_field: bool = False) -> Cause:
    """Read a cause value of any JSON type; None stands for null and for a missing field.

    ``sip_field`` is for ``sip_hangup_cause`` and ``sip_notify_response``, where a number is a SIP status.
    """
    if raw is None:
        return cause_meanings.ABSENT
    if isinstance(raw, str):
        read = _read if len(raw) <= TEXT_CACHED_MAX else _read.__wrapped__
        return read(raw, sip_field)
    if isinstance(raw, int) and not isinstance(raw, bool):
        return _read(raw, sip_field)
    return replace(cause_meanings.UNKNOWN, raw=raw)


# True and 1.0 are the same key as 1, so they MUST be turned away before.
@functools.lru_cache(maxsize=4096)
def _read(raw: str | int, sip_field: bool) -> Cause:
    if isinstance(raw, int):
        form, meaning = "numeric", _number(raw, sip_field=sip_field)
    elif not (trimmed := raw.strip()):
        form, meaning = "absent", cause_meanings.ABSENT
    else:
        form, meaning = _text(trimmed, sip_field=sip_field)
    return replace(meaning, raw=raw, form=form) if meaning else replace(cause_meanings.UNKNOWN, raw=raw)


def _text(text: str, *, sip_field: bool) -> tuple[str, Cause | None]:
    """Give form and meaning of a trimmed text: rules 4 to 8 of domain 2, the first that fits."""
    if _DIGITS.fullmatch(text):
        return "numeric", _number(int(text), sip_field=sip_field)
    if prefixed := _SIP_PREFIXED.fullmatch(text):
        return "sip_prefixed", cause_meanings.sip(int(prefixed[1]))
    if values := _reason_values(text):
        return "reason_header", _reason(values)
    if named := _named(text):
        return "name", named
    return "number_and_name", _number_and_name(text, sip_field=sip_field)


def _number(number: int, *, sip_field: bool) -> Cause | None:
    """Read a bare number (rule 4): a SIP status in a SIP field, elsewhere by range."""
    if number == 0:
        return cause_meanings.freeswitch("NONE")
    if sip_field:
        return cause_meanings.sip(number)
    if 1 <= number <= 127:
        return cause_meanings.q850(number)
    if switch := cause_tables.FREESWITCH_NAMES.get(number):
        cause = cause_meanings.freeswitch(switch)
        return cause_meanings.or_else(cause, "sip:487") if number == 487 else cause
    if number < 300 and number not in _SIP_BELOW_300:
        return None
    old = cause_tables.FREESWITCH_OLD_NAMES.get(number)
    cause = cause_meanings.sip(number)
    return cause_meanings.or_else(cause, f"freeswitch<1.10.8:{old}") if cause and old else cause


def _named(text: str) -> Cause | None:
    """Read a name in any spelling (rule 7), or one of our own numbered names."""
    if len(text) > NAME_MAX or not _NAME.fullmatch(text):
        return None
    name = cause_tables.slug(text)
    bare = name.removeprefix("SWITCH_CAUSE_").removeprefix("AST_CAUSE_")
    if meaning := cause_meanings.NAMES.get(name) or cause_meanings.NAMES.get(bare):
        return meaning
    numbered = _OWN_NUMBERED.fullmatch(name)
    if numbered is None:
        return None
    number = int(numbered[2])
    if numbered[1] == "SIP":
        return cause_meanings.sip(number)
    return cause_meanings.q850(number) if 1 <= number <= 127 else None


def _number_and_name(text: str, *, sip_field: bool) -> Cause | None:
    """Read ``16 - Normal call clearing`` or ``USER_BUSY (17)`` (rule 8): the number wins.

    A name that nobody knows maps nowhere, and is taken only in these two layouts: ``error: 16`` is
    no normal clearing.
    """
    if len(text) > NAME_MAX:
        return None
    if match := _NUMBER_FIRST.fullmatch(text):
        digits, separator, name = match.groups()
    elif match := _NAME_FIRST.fullmatch(text):
        name, separator, digits = match.groups()
    else:
        return None
    number, named = int(digits), _named(name)
    settled = named is not None or separator in ("-\u2013\u2014" if text.startswith(digits) else "(")
    cause = _number(number, sip_field=sip_field) if settled else None
    return _weigh(cause, number, named) if cause else None


def _weigh(cause: Cause, number: int, named: Cause | None) -> Cause:
    if named is None:
        return cause
    numbers = {named.q850_code, named.freeswitch_code if named.q850_code is None else None}
    if named.name == cause.name or number in numbers:
        return replace(cause, ambiguous=False, alternatives=())
    return cause_meanings.or_else(cause, f"name:{_label(named)}")


def _label(cause: Cause) -> str:
    code = cause.freeswitch_code if cause.q850_code is None else cause.q850_code
    return f"{cause.name}" if code is None else f"{cause.name}={code}"


def _reason_values(text: str) -> list[tuple[str, dict[str, str]]]:
    """Split a Reason list (rule 6) into (protocol, parameters); empty where the text is no such list."""
    prefix = _REASON_PREFIX.match(text)
    items = _LIST_ITEM.findall(text, prefix.end() if prefix else 0)
    values: list[tuple[str, dict[str, str]]] = []
    for item in items:
        protocol, *parameters = _PARAMETER.findall(item) or [""]
        known = _PROTOCOLS.get(protocol.strip().upper())
        if known and ";" in item:
            values.append((known, dict(map(_parameter, reversed(parameters)))))
    return values


def _parameter(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    value = value.strip()
    if value.startswith('"'):
        closed = len(value) > 1 and value.endswith('"')
        value = _ESCAPED.sub(r"\1", value[1:-1] if closed else value[1:])
    return key.strip().lower(), value


def _reason(values: list[tuple[str, dict[str, str]]]) -> Cause | None:
    """Choose among the values of a list: Q.850, then FreeSWITCH, then SIP; a SIP status stays beside it."""
    usable = [
        (protocol, _reason_cause(protocol, int(parameters["cause"])), parameters)
        for protocol, parameters in sorted(values, key=lambda value: _PREFERENCE.index(value[0]))
        if _DIGITS.fullmatch(parameters.get("cause", ""))
    ]
    if not usable:
        return None
    protocol, cause, parameters = usable[0]
    for other_protocol, other, _ in usable[1:]:
        if other.name != cause.name and other_protocol in ("q850", "freeswitch", protocol):
            cause = cause_meanings.or_else(cause, f"reason:{_label(other)}")
    status = next((other.sip_status for protocol, other, _ in usable if protocol == "sip"), cause.sip_status)
    return replace(cause, text=parameters.get("text"), location=parameters.get("location"), sip_status=status)


def _reason_cause(protocol: str, number: int) -> Cause:
    if protocol == "sip":
        return cause_meanings.sip(number) or cause_meanings.UNKNOWN
    if protocol == "q850" and 1 <= number <= 127:
        return cause_meanings.q850(number)
    if switch := cause_tables.FREESWITCH_NAMES.get(number):
        return cause_meanings.freeswitch(switch)
    old = cause_tables.FREESWITCH_OLD_NAMES.get(number)
    if old is None:
        return cause_meanings.UNKNOWN
    # Under its own protocol only the old number can be meant; under Q.850 it may be a misplaced SIP status.
    if protocol == "freeswitch":
        return cause_meanings.freeswitch(old)
    return cause_meanings.or_else(cause_meanings.UNKNOWN, f"freeswitch<1.10.8:{old}")
