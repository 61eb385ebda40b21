"""The body of a command: read as JSON, and its parameters checked before anything is sent.

One error for each thing that is wrong, with the code that Telnyx has for it. A value that the published schema does
not know may be new: whoever runs the gateway may let those through, and they are recorded as warnings then.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import jsonschema
import orjson

from gateway.errors import Fault, Refused, fault, refused
from gateway.parameters import SCHEMAS

FAULTS_MAX = 20
"""Errors in one answer; nobody reads more."""

_DETAILS: Mapping[str, str] = {
    "90014": "Digits are 0-9, A-D, * and #, with w and W for pauses.",
    "90017": "The client_state must be a valid base64 string.",
    "90027": "The value is outside of allowed range 100 to 500.",
}


def read(body: bytes) -> Any:
    """Read a body; an empty one, which some SDKs send, is no parameters. Raises Refused."""
    if not body.strip():
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise refused(400, "json_refused", "10023", "The body is no valid JSON; nothing was sent.") from None


def check(action: str, given: Any, *, unknown_values: bool = False) -> Sequence[str]:
    """Check the parameters of one of the eight. Raises Refused, with every error.

    ``unknown_values``: let a value through that is on no published list, and give a warning for each.
    """
    wrong = list(_validator(action).iter_errors(given))
    passed = [error for error in wrong if unknown_values and error.validator == "enum"]
    faults = [fault for error in wrong if error not in passed for fault in _faults(error)]
    if faults:
        unique = tuple(dict.fromkeys(faults))[:FAULTS_MAX]
        raise Refused(422, "parameters_refused", *unique)
    return [f"{_pointer(error)} is on no published list of values" for error in passed]


@cache
def _validator(action: str) -> Any:
    return jsonschema.Draft202012Validator(SCHEMAS[action])


def _faults(error: Any) -> Iterable[Fault]:
    pointer = _pointer(error)
    code = error.schema.get("x-code") if error.validator != "type" else None
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                detail = f"The '{name}' parameter is required and cannot be blank."
                yield fault("10004", detail, f"{pointer}/{name}")
    elif code is not None:
        yield fault(code, _DETAILS[code], pointer)
    elif error.validator == "enum":
        yield fault("10032", f"The value must be one of: {', '.join(map(str, error.validator_value))}.", pointer)
    elif error.validator == "type":
        yield fault("10026", f"The value must be of type {error.validator_value}.", pointer)
    else:
        yield fault("10033", f"The value is outside of allowed range {_range(error.schema)}", pointer)


def _range(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return "90 and more, or 0"
    return f"{schema.get('minimum', '')} to {schema.get('maximum', '')}"


def _pointer(error: Any) -> str:
    return "".join(f"/{part}" for part in error.absolute_path)
