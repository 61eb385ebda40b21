"""A dossier: all that proves what is said of one call, or of one event, in files that need no callaudit to check.

Same evidence, same bytes: nothing in it says when or where it was made. The manifest lists every file with its SHA-256
and is signed with the log's key, as a note under a first line of its own: no checkpoint can be taken for a manifest,
nor the other way round.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import jinja2

from calls import instants
from query.evidence import Evidence, Proven, claims
from store.notes import Signer

FORMAT = "callaudit/dossier/v1"
MANIFEST = "manifest.txt"

Call = Mapping[str, Sequence[Mapping[str, Any]]]


def build(
    evidence: Evidence,
    *,
    call: Call | None = None,
    redeliveries: Sequence[Mapping[str, Any]] = (),
    signer: Signer | None = None,
) -> dict[str, bytes]:
    """Give the files of a dossier, by path. ``call`` has what the read models say; None: it is about events alone.

    Without a signer, or with one of another log, the manifest is not signed.
    """
    made: dict[str, bytes] = {
        "README.txt": _rendered("README.txt", evidence=evidence, call=call),
        "checkpoint": evidence.note.encode(),
        "keys.json": _json(_keys(evidence)),
        "redeliveries.json": _json(list(redeliveries)),
        "verify.py": _template("verify.py").encode(),
    }
    for event in evidence.events:
        stem = f"events/{event.row.position}"
        made[f"{stem}.json"] = _json(claims(event.row))
        made[f"{stem}.body"] = event.row.body
        made[f"{stem}.tlog-proof"] = event.proof.encode()
    made["dossier.json"] = _json(
        {
            "format": FORMAT,
            "call_session_id": None if call is None else call["call_sessions"][0]["call_session_id"],
            "events": [event.row.position for event in evidence.events],
            "left_out": list(evidence.left_out),
        }
    )
    if call is not None:
        made["call.json"] = _json(call)
        made["index.html"] = _rendered("dossier.html", evidence=evidence, call=call, redeliveries=redeliveries)
    made[MANIFEST] = _manifest(made, signer if signer is not None and signer.verifier == evidence.log_key else None)
    return dict(sorted(made.items()))


def _keys(evidence: Evidence) -> dict[str, Any]:
    return {
        "log_key": str(evidence.log_key),
        "telnyx_keys": [
            {
                "key_id": key.key_id,
                "label": key.label,
                "public_key": base64.b64encode(key.public).decode(),
                "named_at": position,
                "use": key.use,
            }
            for key, position in evidence.telnyx_keys
        ],
    }


def _manifest(made: Mapping[str, bytes], signer: Signer | None) -> bytes:
    lines = [f"{sha256(content).hexdigest()} {len(content)} {path}" for path, content in sorted(made.items())]
    text = "\n".join((FORMAT, *lines, ""))
    return (text if signer is None else signer.sign(text)).encode()


def _json(value: Any) -> bytes:
    return json.dumps(value, default=_plain, ensure_ascii=True, indent=1, sort_keys=True).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    raise TypeError


def instant(value: datetime | int | None) -> str:
    """Write a datetime, or microseconds since 1970, as ISO 8601, UTC, with microseconds; a dash for none."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
    return instants.to_text(value)


def words(text: bytes | None) -> str:
    """Write a raw text of the log; a dash for none."""
    return "-" if text is None else text.decode()


def standing(event: Proven) -> str:
    """Say in words what is known of an event's signature."""
    return _STANDINGS[event.standing]


_STANDINGS = {
    "not a webhook": "none: the program's own event",
    "signature": "in this dossier",
    "signature over sealed bytes": "in this dossier, over bytes that stay sealed (recording URLs)",
    "verified at ingest, original not retained": "verified at ingest, original not retained (masked)",
}


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["instant"] = instant
    made.filters["standing"] = standing
    made.filters["words"] = words
    return made


def _rendered(name: str, **given: Any) -> bytes:
    return _templates().get_template(name).render(**given).encode()


def _template(name: str) -> str:
    return (files("query") / "templates" / name).read_text(encoding="utf-8")
