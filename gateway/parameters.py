"""The parameters of the eight commands, as JSON Schema (Telnyx's OpenAPI, with the limits that its texts give).

``x-code`` is Telnyx's error code for a value that is wrong, where it has one of its own. Unknown keys pass: the
published schemas close nothing.
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_BASE64: Schema = {
    "type": "string",
    "pattern": r"\A(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?\Z",
    "x-code": "90017",
}
_FLAG: Schema = {"type": "boolean"}


def _one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _number(kind: str, least: float, most: float) -> Schema:
    return {"type": kind, "minimum": least, "maximum": most}


def _object(required: tuple[str, ...], /, **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


_NAMED: Mapping[str, Schema] = {"client_state": _BASE64, "command_id": _TEXT}

_ENGINES = (
    *("Denoiser", "DeepFilterNet", "Krisp", "AiCoustics", "aic_l_quail", "aic_l_rook", "aic_s_quail", "aic_s_rook"),
    *("quail_voice_focus_s", "quail_voice_focus_xs"),
    *("A", "B", "C", "D"),  # deprecated names of the first four
)
_KRISP = tuple(f"krisp-viva-{name}.kef" for name in ("tel-v2", "tel-lite-v1", "pro-v1", "ss-v1"))

_ENGINE_CONFIG = _object(
    (),
    attenuation_limit=_number("integer", 0, 100),
    enhancement_level=_number("number", 0.0, 1.0),
    family=_one_of("sparrow", "quail"),
    mode=_one_of("standard", "advanced"),
    model=_one_of(*_KRISP),
    size=_one_of("s", "l", "xs", "xxs", "vf_l", "vf_1_1_l"),
    suppression_level=_number("number", 0.0, 100.0),
    voice_gain=_number("number", 0.1, 4.0),
)

SCHEMAS: Mapping[str, Schema] = {
    "client_state_update": _object(("client_state",), client_state=_BASE64),
    "refer": _object(
        ("sip_address",),
        **_NAMED,
        sip_address=_TEXT,
        sip_auth_username=_TEXT,
        sip_auth_password=_TEXT,
        custom_headers={"type": "array", "items": _object(("name", "value"), name=_TEXT, value=_TEXT)},
        sip_headers={
            "type": "array",
            "items": _object(("name", "value"), name=_one_of("User-to-User"), value=_TEXT),
        },
    ),
    "send_dtmf": _object(
        ("digits",),
        **_NAMED,
        digits={"type": "string", "pattern": r"\A[0-9A-D*#wW]+\Z", "x-code": "90014"},
        duration_millis={"type": "integer", "minimum": 100, "maximum": 500, "x-code": "90027"},
    ),
    "siprec_start": _object(
        (),
        client_state=_BASE64,
        connector_name=_TEXT,
        include_metadata_custom_headers=_FLAG,
        secure=_FLAG,
        session_timeout_secs={"type": "integer", "anyOf": [{"const": 0}, {"minimum": 90}]},
        sip_transport=_one_of("udp", "tcp", "tls"),
        siprec_track=_one_of("inbound_track", "outbound_track", "both_tracks"),
    ),
    "siprec_stop": _object((), **_NAMED),
    "suppression_start": _object(
        (),
        **_NAMED,
        direction=_one_of("inbound", "outbound", "both"),
        noise_suppression_engine=_one_of(*_ENGINES),
        noise_suppression_engine_config=_ENGINE_CONFIG,
    ),
    "suppression_stop": _object((), **_NAMED),
    "switch_supervisor_role": _object(("role",), role=_one_of("barge", "whisper", "monitor")),
}
"""Command -> its parameters."""
