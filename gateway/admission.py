"""Whether a command may be sent: the key's limits, the parameters, a purpose. Asked before anything goes out."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from gateway import checking
from gateway.errors import refused
from gateway.http import Request
from gateway.permits import Permit
from gateway.record import Caller

_OF_ONE_CALL = ("call_control_id", "supervise_call_control_id", "link_to", "bridge_with")
"""Parameters that name another call."""

PURPOSE_REQUIRED_DEFAULT = ("siprec_stop", "switch_supervisor_role")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What commands must satisfy beside Telnyx's own rules.

    ``unknown_values``: values that the published parameters do not know are let through, with a warning on record.
    """

    purpose_required: Collection[str] = PURPOSE_REQUIRED_DEFAULT
    approval_required: Collection[str] = ()
    unknown_values: bool = False


@dataclass(frozen=True, slots=True)
class Admitted:
    """A command that may be sent. ``parameters`` are empty where they are no JSON object.

    ``kind`` is the action whose rules it falls under.
    """

    parameters: Mapping[str, Any]
    kind: str | None = None
    warnings: Sequence[str] = ()


async def admit(
    request: Request,
    permit: Permit,
    caller: Caller,
    rules: Rules,
    connection_of: Callable[[str], Awaitable[str | None]],
) -> Admitted:
    """Check a command; ``connection_of`` knows the connection of a call by its control id. Raises Refused."""
    permit.check(request.target)
    admitted = _parameters(request, rules)
    if admitted.kind in rules.purpose_required and caller.purpose is None:
        detail = f"{admitted.kind} needs a purpose here, in the header X-Audit-Purpose; nothing was sent."
        raise refused(403, "purpose_missing", "10010", detail)
    if permit.connections is not None:
        for connection in await _connections(request, admitted.parameters, connection_of):
            permit.check_connection(connection)
    return admitted


def _parameters(request: Request, rules: Rules) -> Admitted:
    action = request.target.action
    if not request.target.is_understood:
        parameters = _object(checking.read(request.body) if request.is_json else None)
        return Admitted(parameters, "switch_supervisor_role" if _lets_a_supervisor_in(parameters) else action)
    if request.body.strip() and not request.is_json:
        raise refused(400, "content_type_unsupported", "10029", "The body must be application/json; nothing was sent.")
    given = checking.read(request.body)
    warnings = checking.check(action or "", given, unknown_values=rules.unknown_values)
    return Admitted(given, action, warnings)


def _lets_a_supervisor_in(parameters: Mapping[str, Any]) -> bool:
    """Tell whether a new call is to supervise another one: it then is no mere new call."""
    return "supervise_call_control_id" in parameters


async def _connections(
    request: Request, parameters: Mapping[str, Any], connection_of: Callable[[str], Awaitable[str | None]]
) -> list[str | None]:
    """Give the connections of all calls that a request is about; None where one is not known, or it names none."""
    named = [request.target.call_control_id, *(parameters.get(name) for name in _OF_ONE_CALL)]
    several = parameters.get("call_control_ids")
    named += cast("list[Any]", several) if isinstance(several, list) else []
    found = [await connection_of(each) if isinstance(each, str) else None for each in named if each is not None]
    if request.target.action == "dial":  # elsewhere a key would say itself what it is limited to
        found.append(_text_of(parameters.get("connection_id")))
    return found or [None]


def _text_of(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _object(given: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", given) if isinstance(given, dict) else {}
