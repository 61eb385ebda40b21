"""Which parameters of a command are kept readable on the record: those that are published and no secret.

Of all others, and of every value of a command that is not understood, name and length are kept (design 12).
"""

from collections.abc import Mapping
from typing import Any, cast

import orjson

from calls import masking
from gateway.parameters import SCHEMAS

DEPTH_MAX = 32

_NAMES_A_CALL = ("to", "from", "connection_id", "call_control_id", "call_control_ids", "supervise_call_control_id")
_OF_ANY = frozenset((*_NAMES_A_CALL, "supervisor_role", "client_state", "command_id"))
"""What of commands that are not understood says which calls they are about."""

_HEADERS = ("custom_headers", "sip_headers")


def kept(action: str | None, body: bytes) -> Any:
    """Read parameters as they may be kept; None where they are no JSON."""
    if not body.strip():
        return {}
    try:
        given = orjson.loads(masking.mask(body).body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(given, dict):
        return _starred(given, DEPTH_MAX)
    parameters = cast("dict[str, Any]", given)
    published: Mapping[str, Any] = (
        SCHEMAS[action]["properties"] if action is not None and action in SCHEMAS else dict.fromkeys(_OF_ANY)
    )
    return {
        name: _of(name, value) if name in published else _starred(value, DEPTH_MAX)
        for name, value in parameters.items()
    }


def _of(name: str, value: Any) -> Any:
    if name in _HEADERS:
        return _headers(value)
    if name == "sip_address" and isinstance(value, str):
        return _address(value)
    return value if _is_plain(value) else _starred(value, DEPTH_MAX)


def _is_plain(value: Any) -> bool:
    """Tell whether a value is a scalar, or one layer of them."""
    if isinstance(value, dict):
        return all(not isinstance(each, dict | list) for each in cast("dict[str, Any]", value).values())
    return not isinstance(value, list) or all(isinstance(each, str) for each in cast("list[Any]", value))


def _headers(value: Any) -> Any:
    """Keep the names of headers."""
    if not isinstance(value, list):
        return _starred(value, DEPTH_MAX)
    return [_header(each) for each in cast("list[Any]", value)]


def _header(given: Any) -> Any:
    if not isinstance(given, dict):
        return _starred(given, DEPTH_MAX)
    header = cast("dict[str, Any]", given)
    name = header.get("name")
    starred = {key: _starred(value, DEPTH_MAX) for key, value in header.items()}
    return {**starred, "name": name} if isinstance(name, str) else starred


def _address(address: str) -> str:
    """Keep where a transfer goes, without a password or headers that are in the address."""
    whole, question, headers = address.partition("?")
    scheme, colon, rest = whole.partition(":")
    user, at, host = rest.rpartition("@")
    name, between, password = user.partition(":")
    return f"{scheme}{colon}{name}{between}{'*' * len(password)}{at}{host}{question}{'*' * len(headers)}"


def _starred(value: Any, depth: int) -> Any:
    """Give names and lengths alone; true, false and null say nothing of their own."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return "*" * len(value)
    if not isinstance(value, dict | list) or depth == 0:
        return "*"
    if isinstance(value, list):
        return [_starred(each, depth - 1) for each in cast("list[Any]", value)]
    return {name: _starred(each, depth - 1) for name, each in cast("dict[str, Any]", value).items()}
