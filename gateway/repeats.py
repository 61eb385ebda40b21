"""By what a command is known again: keyed hashes of what its sender gave it for that, and of the request itself."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gateway.claims import Name
from gateway.errors import refused
from gateway.http import Request
from gateway.record import Caller
from gateway.signing import Signer

KEY_LASTS = timedelta(days=1)
COMMAND_ID_LASTS = timedelta(minutes=1)
"""As Telnyx has it."""

REPEAT_LASTS = timedelta(minutes=1)
KEY_CHARACTERS_MAX = 255


def fingerprint(signer: Signer, request: Request) -> bytes:
    """Give what tells a request from any other: two with the same one ask for just the same."""
    target = request.target
    return signer.fingerprint(b"request", target.method.encode(), target.path.encode(), target.query, request.body)


def names(signer: Signer, request: Request, caller: Caller, parameters: Mapping[str, Any]) -> list[Name]:
    """Give all names of a command. Raises Refused for an Idempotency-Key that is none.

    An SDK says by ``x-stainless-retry-count`` that it repeats a request; it sends no key of its own.
    """
    repeats = (request.header(b"x-stainless-retry-count") or "0") != "0"
    own = signer.fingerprint(b"repeat", caller.key_id.encode(), fingerprint(signer, request))
    found = [Name(own, REPEAT_LASTS, anew=not repeats)]
    key = request.header(b"idempotency-key")
    if key is not None:
        if not 0 < len(key) <= KEY_CHARACTERS_MAX:
            raise refused(400, "idempotency_key_refused", "10015", "An Idempotency-Key has 1 to 255 characters.")
        found.append(Name(signer.fingerprint(b"key", caller.key_id.encode(), key.encode()), KEY_LASTS))
    command_id = parameters.get("command_id")
    if request.target.is_understood and isinstance(command_id, str):
        call = (request.target.call_control_id or "").encode()
        found.append(Name(signer.fingerprint(b"command_id", call, command_id.encode()), COMMAND_ID_LASTS))
    return found
