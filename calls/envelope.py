"""From the bytes of a webhook to what the log asks of it: which event, of which leg, when.

Total on any bytes, and tolerant: every field may be missing, ``data`` may be flat, unknown types are kept.
What is wrong with an event is said in ``quarantined``; it is stored all the same. The body MUST be masked
already, since its hash is taken here. What the event means is left to the fold.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson

from calls import canonical, catalogue, instants
from calls.instants import Instant

TEXT_BYTES_MAX = 255  # ids and types of Telnyx are below 100 bytes; an index refuses kilobytes

# What a database and a datetime can hold, less a year at each end, so that deadlines after it fit too.
_USABLE = range(
    cast("Instant", instants.parse("0002-01-01T00:00:00Z")),
    cast("Instant", instants.parse("9999-01-01T00:00:00Z")),
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What was read from one body. None: not given, empty, or not storable.

    ``event_type`` is as sent; ``kind`` is what it stands for (see ``kind_of``). ``occurred_at`` is never the
    receive time. ``data_hash`` is the SHA-256 of ``canonical``: of ``data`` in canonical form (``meta``,
    which differs between deliveries, is left out), or of the body itself where it has no such form.

    ``quarantined`` is None, or the reasons in a fixed order, joined by commas: ``not_json``,
    ``not_an_object`` or ``nested_too_deeply`` alone; ``event_type_missing``; for events about a leg
    ``occurred_at_missing``, ``occurred_at_unusable`` and ``call_leg_id_missing``; for any event
    ``occurred_at_unusable`` where the time is beyond what a column holds and, of any id and the type,
    ``<field>_unstorable`` (NUL, more than 255 bytes, no string).
    """

    event_id: str | None
    event_type: str | None
    kind: str | None
    occurred_at: Instant | None
    call_session_id: str | None
    call_leg_id: str | None
    call_control_id: str | None
    connection_id: str | None
    payload: Mapping[str, Any]
    data_hash: bytes
    canonical: bytes
    attempt: int | None
    quarantined: str | None


def decode(body: bytes) -> Envelope:
    """Read a body in any of the forms it may arrive in (telnyx.md 3; domain 8b, "Order and input").

    The two flat forms carry the fields of ``data`` beside ``meta``; one of them calls the id ``webhook_id``.
    """
    try:
        whole = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _unread(body, "not_json")
    if not isinstance(whole, dict):
        return _unread(body, "not_an_object")
    fields = cast("dict[str, Any]", whole)
    meta = fields.get("meta")
    data = fields.get("data")
    if not isinstance(data, dict):
        data = {name: value for name, value in fields.items() if name != "meta"}
    written = canonical.encode(cast("object", data))
    if written is None:
        return _unread(body, "nested_too_deeply")
    return _read(cast("dict[str, Any]", data), written, _attempt(meta))


def kind_of(event_type: str) -> str:
    """Give the type an event stands for: no spaces around it, and the aliases of ``siprec.*`` resolved."""
    stripped = event_type.strip()
    if stripped.startswith(("call.siprec.", "call_siprec_")):
        return "siprec." + stripped[len("call.siprec.") :]
    return stripped


def _unread(body: bytes, reason: str) -> Envelope:
    return Envelope(
        event_id=None,
        event_type=None,
        kind=None,
        occurred_at=None,
        call_session_id=None,
        call_leg_id=None,
        call_control_id=None,
        connection_id=None,
        payload={},
        data_hash=hashlib.sha256(body).digest(),
        canonical=bytes(body),
        attempt=None,
        quarantined=reason,
    )


def _read(data: Mapping[str, Any], written: bytes, attempt: int | None) -> Envelope:
    payload: Mapping[str, Any] = data["payload"] if isinstance(data.get("payload"), dict) else {}
    reasons: list[str] = []
    event_type = _text(data, "event_type", reasons)
    kind = None if event_type is None else kind_of(event_type)
    about_leg = kind is not None and catalogue.about_leg(kind)
    if event_type is None and not reasons:
        reasons.append("event_type_missing")
    event_id = _text(data, "id" if _given(data.get("id")) else "webhook_id", reasons, field="event_id")
    occurred_at = _time(data, payload, kind, reasons, required=about_leg)
    call_session_id = _text(payload, "call_session_id", reasons)
    call_leg_id = _text(payload, "call_leg_id", reasons)
    if about_leg and not _given(payload.get("call_leg_id")):
        reasons.append("call_leg_id_missing")
    return Envelope(
        event_id=event_id,
        event_type=event_type,
        kind=kind,
        occurred_at=occurred_at,
        call_session_id=call_session_id,
        call_leg_id=call_leg_id,
        call_control_id=_text(payload, "call_control_id", reasons),
        connection_id=_text(payload, "connection_id", reasons),
        payload=payload,
        data_hash=hashlib.sha256(written).digest(),
        canonical=written,
        attempt=attempt,
        quarantined=",".join(reasons) or None,
    )


def _given(value: object) -> bool:
    return value is not None and value != ""


def _text(source: Mapping[str, Any], name: str, reasons: list[str], field: str | None = None) -> str | None:
    value = source.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and "\0" not in value and _bytes(value) <= TEXT_BYTES_MAX:
        return value
    reasons.append(f"{field or name}_unstorable")
    return None


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _time(
    data: Mapping[str, Any],
    payload: Mapping[str, Any],
    kind: str | None,
    reasons: list[str],
    *,
    required: bool,
) -> Instant | None:
    """Read the first time that is given: a bad one is not replaced by the next, that would be a guess."""
    given = data.get("occurred_at")
    if not _given(given):
        given = payload.get("occurred_at")
    if not _given(given) and kind is not None and kind.endswith(".recording.saved"):
        given = payload.get("recording_ended_at")
    if not _given(given):
        if required:
            reasons.append("occurred_at_missing")
        return None
    instant = instants.parse(given)
    if instant is not None and instant in _USABLE:
        return instant
    if required or instant is not None:
        reasons.append("occurred_at_unusable")
    return None


def _attempt(meta: object) -> int | None:
    attempt = cast("dict[str, Any]", meta).get("attempt") if isinstance(meta, dict) else None
    return attempt if type(attempt) is int and 0 <= attempt < 2**15 else None
