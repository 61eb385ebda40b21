"""Whether a command may be sent: the key's limits, the parameters, a purpose. Asked before anything goes out."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from gateway import checking
from gateway.errors import refused
from gateway.http import Request
from gateway.permits import Permit
from gateway.record import Caller

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
    """A command that may be sent. ``parameters`` are empty where they are no JSON object."""

    parameters: Mapping[str, Any]
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
    if request.target.action in rules.purpose_required and caller.purpose is None:
        detail = f"{request.target.action} needs a purpose here, in the header X-Audit-Purpose; nothing was sent."
        raise refused(403, "purpose_missing", "10010", detail)
    if permit.connections is not None:
        permit.check_connection(await _connection(request, admitted.parameters, connection_of))
    return admitted


def _parameters(request: Request, rules: Rules) -> Admitted:
    if not request.target.is_understood:
        return Admitted(_object(checking.read(request.body)) if request.is_json else {})
    if request.body.strip() and not request.is_json:
        raise refused(400, "content_type_unsupported", "10029", "The body must be application/json; nothing was sent.")
    given = checking.read(request.body)
    warnings = checking.check(request.target.action or "", given, unknown_values=rules.unknown_values)
    return Admitted(given, warnings)


async def _connection(
    request: Request, parameters: Mapping[str, Any], connection_of: Callable[[str], Awaitable[str | None]]
) -> str | None:
    if request.target.call_control_id is not None:
        return await connection_of(request.target.call_control_id)
    named = parameters.get("connection_id")
    return named if isinstance(named, str) else None


def _object(given: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", given) if isinstance(given, dict) else {}
