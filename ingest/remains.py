"""What is kept of a refused request: never a secret, so of a stranger's bytes only what is known to be none.

Headers are kept where they are well-formed, else as stars of their length. A body is kept where it could be a
delivery of Telnyx at all (a JSON object, or a form), and then

- exactly, where nothing had to be masked;
- masked, with the exact bytes sealed beside it, where it holds URLs that grant access;
- not at all, and without its signature, where it holds something guessable.
"""

import re
from dataclasses import dataclass

import orjson

from calls import masking
from ingest import deliveries, errors, verifier, webhook
from ingest.strongbox import Strongbox

HEADER_CHARACTERS_MAX = 512

MEDIA_TYPES = webhook.CONTENT_TYPES | {
    "application/octet-stream",
    "application/xml",
    "multipart/form-data",
    "text/html",
    "text/plain",
    "text/xml",
}
"""Kept as they are: they say what somebody posts here by mistake."""

_FORM = re.compile(rb"[!-~]*")
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Remains:
    """What is kept of a body; nothing at all is the default."""

    body: bytes | None = None
    sealed_body: bytes | None = None
    with_signature: bool = False


def of_body(body: bytes, content_type: str, strongbox: Strongbox, *, mask_transcripts: bool) -> Remains:
    """Say what is kept of an unverified body. Costs up to 4 µs a byte."""
    form = content_type == deliveries.FORM
    if body and not (_is_object(body) or (form and _FORM.fullmatch(body))):
        return Remains()
    masked = masking.mask(body, form=form, transcripts=mask_transcripts)
    if masked.guessable:
        return Remains()
    return Remains(masked.body, strongbox.seal(body) if masked.bearer else None, with_signature=True)


def of_content_type(header: str | None) -> str | None:
    """Give the media type, without its parameters."""
    if header is None:
        return None
    media_type = webhook.media_type(header)
    return media_type if media_type in MEDIA_TYPES else _stars(header)


def of_timestamp(header: str | None) -> str | None:
    """Give a timestamp that is one."""
    return header if header is None or _TIMESTAMP.fullmatch(header) else _stars(header)


def of_signature(header: str | None) -> str | None:
    """Give a signature that is one."""
    if header is None:
        return None
    try:
        verifier.read_signature(header)
    except errors.SignatureRejected:
        return _stars(header)
    return header.strip()


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(orjson.loads(body), dict)
    except orjson.JSONDecodeError:
        return False


def _stars(text: str) -> str:
    return "*" * min(len(text), HEADER_CHARACTERS_MAX)
