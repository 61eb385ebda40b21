"""Whose calls a command may be about, and what needs a purpose under whatever name it comes."""

import asyncio
from typing import Any

import orjson
import pytest

from gateway import admission, parsing
from gateway.admission import Rules
from gateway.errors import Refused
from gateway.http import Request
from gateway.permits import Permit
from gateway.record import Caller

OF = {"mine": "1", "theirs": "2"}


def admit(
    path: str, connections: list[str] | None = None, purpose: str | None = "why", **body: Any
) -> admission.Admitted:
    """Ask whether a command may be sent, with a key for some connections."""
    scopes = ["gateway", "gateway:POST:/v2/**"]
    permit = Permit(key_id="k", name="ada", scopes=scopes, connections=connections)
    request = Request(parsing.target("POST", path.encode(), b""), [], orjson.dumps(body))
    caller = Caller(actor="ada", key_id="k", address="::1", purpose=purpose)

    async def connection_of(call_control_id: str) -> str | None:
        return OF.get(call_control_id)

    return asyncio.run(admission.admit(request, permit, caller, Rules(), connection_of))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2/calls/theirs/actions/siprec_start", {}),
        ("/v2/calls/mine/actions/bridge", {"call_control_id": "theirs"}),
        ("/v2/calls/mine/actions/bridge", {"call_control_ids": ["mine", "theirs"]}),
        ("/v2/conferences/c/actions/hold", {"connection_id": "1", "call_control_ids": ["theirs"]}),
        ("/v2/conferences/c/actions/hold", {"connection_id": "1"}),
        ("/v2/calls", {"connection_id": "1", "supervise_call_control_id": "theirs"}),
        ("/v2/calls", {"connection_id": "1", "link_to": "theirs"}),
        ("/v2/calls", {"connection_id": "2"}),
        ("/v2/calls", {}),
        ("/v2/calls/unknown/actions/siprec_start", {}),
    ],
)
def test_a_limited_key_reaches_no_other_call(path: str, body: dict[str, Any]) -> None:
    """Whichever parameter names it, and whatever the request says of its own connection."""
    with pytest.raises(Refused) as refused:
        admit(path, ["1"], **body)
    assert refused.value.reason in {"connection_refused", "connection_unknown"}


def test_a_limited_key_does_what_it_is_for() -> None:
    """Commands for its calls, between them, and new ones."""
    admit("/v2/calls/mine/actions/siprec_start", ["1"])
    admit("/v2/calls/mine/actions/bridge", ["1"], call_control_id="mine")
    admit("/v2/calls", ["1"], connection_id="1", to="+12025550143")


def test_a_supervisor_who_comes_by_a_new_call_needs_a_purpose_too() -> None:
    """It lets somebody into a call, as switching the role does, and falls under the same rules."""
    with pytest.raises(Refused) as refused:
        admit("/v2/calls", purpose=None, supervise_call_control_id="mine", supervisor_role="barge")
    assert refused.value.reason == "purpose_missing"
    assert admit("/v2/calls", supervise_call_control_id="mine").kind == "switch_supervisor_role"
    assert admit("/v2/calls", to="+12025550143").kind == "dial"
