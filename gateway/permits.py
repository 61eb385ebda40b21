"""Who may send what: by the scopes of an API key, and by the actions and connections it is limited to.

A scope ``gateway`` allows what calls are controlled with: ``/v2/calls/**``, and reading ``/v2/call_events``. One of the
form ``gateway:METHOD:/v2/path/**`` allows more; ``*`` stands for any method, ``/**`` for whatever is below.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gateway.errors import Refused, refused
from gateway.parsing import Target

SCOPE = "gateway"
APPROVE = "gateway:approve"

_DEFAULT = ("*:/v2/calls/**", "GET:/v2/call_events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """What a key may do. ``actions`` and ``connections``: None allows all. ``purpose`` stands for what is not said."""

    key_id: str
    name: str
    scopes: Collection[str]
    actions: Collection[str] | None = None
    connections: Collection[str] | None = None
    purpose: str | None = None

    def check(self, target: Target) -> None:
        """Raise Refused for a request that the key is not for."""
        if not any(_allows(rule, target) for rule in _rules(self.scopes)):
            raise _forbidden("scope_missing", "This API key has no scope for this method and path.")
        if self.actions is not None and target.is_recorded and target.action not in self.actions:
            raise _forbidden("action_refused", "This API key is not for this action.")

    def check_connection(self, connection_id: str | None) -> None:
        """Raise Refused for a call of another connection, or of one that is not known (yet)."""
        if self.connections is None:
            return
        if connection_id is None:
            detail = "This API key is limited to connections, and the one of this call is not known yet."
            raise _forbidden("connection_unknown", detail)
        if connection_id not in self.connections:
            raise _forbidden("connection_refused", "This API key is not for this call's connection.")

    def may_approve(self) -> bool:
        """Tell whether it may decide what others ask for."""
        return APPROVE in self.scopes


def _rules(scopes: Collection[str]) -> Sequence[tuple[str, str]]:
    written = [*(_DEFAULT if SCOPE in scopes else ()), *(s.removeprefix(f"{SCOPE}:") for s in scopes)]
    return [rule for rule in map(_rule, written) if rule is not None]


def _rule(written: str) -> tuple[str, str] | None:
    method, colon, path = written.removeprefix(f"{SCOPE}:").partition(":")
    known = method == "*" or (method.isalpha() and method.isupper())
    return (method, path) if colon and known and path.startswith("/v2/") else None


def _allows(rule: tuple[str, str], target: Target) -> bool:
    method, path = rule
    if method not in {"*", target.method}:
        return False
    below = path.removesuffix("/**")
    if below != path:
        return target.path == below or target.path.startswith(f"{below}/")
    return target.path == path


def _forbidden(reason: str, detail: str) -> Refused:
    return refused(403, reason, "10010", detail)
