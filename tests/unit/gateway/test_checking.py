"""Parameters of the eight: as Telnyx's OpenAPI has them, and refused with Telnyx's own codes."""

import contextlib
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import checking, parameters, parsing
from gateway.errors import Refused

ALL: dict[str, dict[str, Any]] = {
    "client_state_update": {"client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d"},
    "refer": {
        "sip_address": "sip:username@sip.non-telnyx-address.com",
        "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
        "command_id": "891510ac-f3e4-11e8-af5b-de00688a4901",
        "custom_headers": [{"name": "head_1", "value": "val_1"}],
        "sip_auth_username": "u",
        "sip_auth_password": "p",
        "sip_headers": [{"name": "User-to-User", "value": "x"}],
    },
    "send_dtmf": {"digits": "1www2WABCDw9", "duration_millis": 500, "client_state": "", "command_id": "x"},
    "siprec_start": {
        "connector_name": "c",
        "include_metadata_custom_headers": True,
        "secure": False,
        "session_timeout_secs": 90,
        "sip_transport": "tls",
        "siprec_track": "inbound_track",
    },
    "siprec_stop": {"command_id": "x"},
    "suppression_start": {
        "direction": "both",
        "noise_suppression_engine": "AiCoustics",
        "noise_suppression_engine_config": {"enhancement_level": 0.5, "family": "quail", "voice_gain": 4},
    },
    "suppression_stop": {},
    "switch_supervisor_role": {"role": "barge"},
}

WRONG = [
    ("client_state_update", {}, "10004", "/client_state"),
    ("client_state_update", {"client_state": "not base64!"}, "90017", "/client_state"),
    ("client_state_update", {"client_state": 5}, "10026", "/client_state"),
    ("refer", {}, "10004", "/sip_address"),
    ("refer", {"sip_address": "sip:a@b", "custom_headers": [{"name": "x"}]}, "10004", "/custom_headers/0/value"),
    (
        "refer",
        {"sip_address": "sip:a@b", "sip_headers": [{"name": "Via", "value": "x"}]},
        "10032",
        "/sip_headers/0/name",
    ),
    ("send_dtmf", {"digits": "12x"}, "90014", "/digits"),
    ("send_dtmf", {"digits": ""}, "90014", "/digits"),
    ("send_dtmf", {"digits": "1\n"}, "90014", "/digits"),
    ("send_dtmf", {"digits": "1", "duration_millis": 99}, "90027", "/duration_millis"),
    ("send_dtmf", {"digits": "1", "duration_millis": "250"}, "10026", "/duration_millis"),
    ("siprec_start", {"siprec_track": "left"}, "10032", "/siprec_track"),
    ("siprec_start", {"session_timeout_secs": 89}, "10033", "/session_timeout_secs"),
    ("siprec_start", {"secure": "yes"}, "10026", "/secure"),
    (
        "suppression_start",
        {"noise_suppression_engine_config": {"attenuation_limit": 101}},
        "10033",
        "/noise_suppression_engine_config/attenuation_limit",
    ),
    ("switch_supervisor_role", {}, "10004", "/role"),
    ("switch_supervisor_role", {"role": "listen"}, "10032", "/role"),
    ("siprec_stop", [], "10026", ""),
]


@pytest.mark.parametrize("action", parsing.EIGHT)
def test_every_parameter_there_is_passes(action: str) -> None:
    """All optional parameters at once, and keys that nobody knows."""
    assert list(checking.check(action, {**ALL[action], "something_new": {"a": 1}})) == []


@pytest.mark.parametrize(("action", "given", "code", "pointer"), WRONG)
def test_a_wrong_parameter_is_named_with_the_code_that_telnyx_has(
    action: str, given: Any, code: str, pointer: str
) -> None:
    """One error for it, where it stands, without its value."""
    with pytest.raises(Refused) as refused:
        checking.check(action, given)
    (fault,) = refused.value.faults
    assert (refused.value.status, fault.code, fault.pointer) == (422, code, pointer)
    assert refused.value.may_repeat is False


def test_everything_that_is_wrong_is_named_at_once() -> None:
    """Whoever mends one parameter should not meet the next one only then."""
    with pytest.raises(Refused) as refused:
        checking.check("send_dtmf", {"digits": "x", "duration_millis": 1, "client_state": "?"})
    assert {fault.code for fault in refused.value.faults} == {"90014", "90027", "90017"}


def test_a_new_value_passes_where_that_is_wished_and_leaves_a_warning() -> None:
    """Only what is on a list may be new: a range or a type may not."""
    given = {"noise_suppression_engine": "NewEngine"}
    assert checking.check("suppression_start", given, unknown_values=True) == [
        "/noise_suppression_engine is on no published list of values"
    ]
    with pytest.raises(Refused):
        checking.check("suppression_start", {**given, "client_state": "?"}, unknown_values=True)


@pytest.mark.parametrize("body", [b"", b"  ", b"{}"])
def test_an_empty_body_is_no_parameters(body: bytes) -> None:
    """SDKs send either where there are none."""
    assert checking.read(body) == {}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """What is no JSON is refused, and nothing else is raised."""
    with contextlib.suppress(Refused):
        checking.read(body)


def _published(shared: Path) -> dict[str, Any]:
    return orjson.loads((shared / "data" / "telnyx-openapi-excerpt.json").read_bytes())


def _resolved(schema: dict[str, Any], of: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return of["components"]["schemas"][name] if name else schema


@pytest.mark.parametrize("action", parsing.EIGHT)
def test_parameters_are_those_that_telnyx_publishes(action: str, shared: Path) -> None:
    """Names, required ones, types, lists of values and ranges are the OpenAPI's, at every depth."""
    excerpt = _published(shared)
    operation = excerpt["paths"][f"/calls/{{call_control_id}}/actions/{action}"][parsing.METHOD_OF[action].lower()]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    _compare(parameters.SCHEMAS[action], _resolved(schema, excerpt), excerpt)


def _compare(ours: Any, theirs: dict[str, Any], excerpt: dict[str, Any]) -> None:
    assert ours.get("type") == theirs["type"]
    assert set(ours.get("required", [])) == set(theirs.get("required", []))
    published = theirs.get("properties", {})
    known = ours.get("properties", {})
    assert set(known) == set(published)
    for name, schema in published.items():
        _compare(known[name], _resolved(schema, excerpt), excerpt)
    if "items" in theirs:
        _compare(ours["items"], _resolved(theirs["items"], excerpt), excerpt)
    if "enum" in theirs and theirs["type"] == "string":
        assert set(theirs["enum"]) <= set(ours["enum"])
        assert set(ours["enum"]) - set(theirs["enum"]) <= {"A", "B", "C", "D"}  # deprecated, by the text
    for bound in ("minimum", "maximum"):
        if bound in theirs:
            assert ours[bound] == theirs[bound]


@pytest.mark.parametrize("action", parsing.EIGHT)
def test_published_examples_pass(action: str, shared: Path) -> None:
    """What Telnyx shows as an example of each command is one."""
    excerpt = _published(shared)
    operation = excerpt["paths"][f"/calls/{{call_control_id}}/actions/{action}"][parsing.METHOD_OF[action].lower()]
    schema = _resolved(operation["requestBody"]["content"]["application/json"]["schema"], excerpt)
    assert list(checking.check(action, schema.get("example", {}))) == []
