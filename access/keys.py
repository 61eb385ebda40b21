"""Keys of the API: a token ``ca_<key id>_<secret>``, of which only the SHA-256 of the secret is kept.

The secret is 44 random characters, 257 bits: no guess finds it, so a plain hash of it may be stored.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from access.errors import KeyNotMade, KeyRefused

SCOPES: Mapping[str, str] = {
    "metrics": "read /metrics from other machines",
    "log:read": "read the log over HTTP; nothing asks for it yet",
    "gateway": "send call-control commands to Telnyx, and read calls and call events",
    "gateway:approve": "approve or deny commands that others ask for",
}
"""Scope -> what it is for."""

WIDER = re.compile(r"gateway:(\*|[A-Z]{3,10}):/v2/(?:[A-Za-z0-9_.-]+/)*(?:[A-Za-z0-9_.-]+|\*\*)", re.ASCII)
"""More that a key may send through the gateway: a method, or ``*``, and a path, or all below it."""

NAME_CHARACTERS_MAX = 64

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Base58: nothing that is mistaken for something else when it is read out or typed."""

_KEY_ID_CHARACTERS = 12
_SECRET_CHARACTERS = 44
_TOKEN = re.compile(f"ca_([{_ALPHABET}]{{{_KEY_ID_CHARACTERS}}})_([{_ALPHABET}]{{{_SECRET_CHARACTERS}}})")
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._@-]{{0,{NAME_CHARACTERS_MAX - 1}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Presented:
    """What a token says: which key it is, and the SHA-256 of its secret."""

    key_id: str
    secret_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a key is limited to in the gateway, by Telnyx's names; None: all that its scopes allow.

    ``purpose`` is what it is used for, where a request does not say.
    """

    actions: Sequence[str] | None = None
    connections: Sequence[str] | None = None
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A new key. ``token`` is shown once and then forgotten."""

    name: str
    scopes: Sequence[str]
    limits: Limits
    token: str = field(repr=False)

    @property
    def presented(self) -> Presented:
        """What is kept of it."""
        return parse(self.token)


def make(name: str, scopes: Sequence[str], limits: Limits | None = None) -> Made:
    """Make a key. Raises KeyNotMade for a name or scope that there cannot be."""
    if not _NAME.fullmatch(name):
        raise KeyNotMade(
            "name_refused", f"a key's name has letters, digits and ._@-, at most {NAME_CHARACTERS_MAX} of them"
        )
    if not scopes:
        raise KeyNotMade("scope_missing", f"say what the key is for, with --scope: {', '.join(SCOPES)}")
    for scope in scopes:
        if scope not in SCOPES and not WIDER.fullmatch(scope):
            there = f"{', '.join(SCOPES)}, and gateway:METHOD:/v2/path/**"
            raise KeyNotMade("scope_unknown", f"no scope {scope!r}: there are {there}")
    return Made(
        name, sorted(set(scopes)), limits or Limits(), f"ca_{_random(_KEY_ID_CHARACTERS)}_{_random(_SECRET_CHARACTERS)}"
    )


def parse(token: str | None) -> Presented:
    """Read a token. Raises KeyRefused for anything that is none, without repeating it."""
    if token is None:
        raise KeyRefused("key_missing", "this needs an API key, as Authorization: Bearer <key>")
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise refused()
    return Presented(match[1], sha256(match[2].encode()).digest())


def refused() -> KeyRefused:
    """Refuse a key: the same words whatever is wrong with it."""
    return KeyRefused("key_refused", "this API key is not in force")


def _random(characters: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(characters))
