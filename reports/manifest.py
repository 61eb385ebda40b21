"""The manifest of a report's files: what was asked, as of when, by which versions, and the hash of each file.

Its signature is a file of its own beside it: a note (C2SP signed-note) over its SHA-256, by the log's key, under a
first line of its own: no checkpoint and no dossier can be taken for it, nor the other way round.
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

import orjson

from reports import content, formats
from reports.errors import ManifestRejected
from reports.formats.document import READABLE
from reports.runs import Run
from store import notes

FORMAT = "callaudit/report/v1"
"""First line of what is signed."""

ENDING, SIGNATURE_ENDING = ".manifest.json", ".manifest.sig"


def build(run: Run, head: Mapping[str, Any], files: Mapping[str, bytes], asked: tuple[str, ...]) -> bytes:
    """Give the manifest of ``files``, which were written in the formats ``asked``."""
    manifest = {
        **head,
        "versions": head["versions"] | formats.libraries(asked),
        "formats": list(asked),
        "rows": len(run.frame),
        "content_sha256": content.sha256(run),
        "files": [
            {"name": name, "bytes": len(written), "sha256": sha256(written).hexdigest()}
            for name, written in sorted(files.items())
        ],
    }
    return orjson.dumps(manifest, option=READABLE)


def signing(key: notes.Signer) -> Callable[[bytes], bytes]:
    """Give what ``export.write`` takes as ``sign``: from a manifest its signature file."""
    return lambda manifest: key.sign(_statement(manifest)).encode()


def verify(manifest: bytes, signature: bytes, keys: Iterable[notes.Verifier]) -> notes.Verifier:
    """Give which of the keys signed this manifest. Raises ManifestRejected."""
    for key in keys:
        try:
            signed = notes.open_(notes.decode(signature), key)
        except notes.NoteRejected:
            continue
        if signed != _statement(manifest):
            raise ManifestRejected("the signature is over another manifest: this one was changed, or is not the one")
        return key
    raise ManifestRejected("none of the given keys signed the manifest")


def _statement(manifest: bytes) -> str:
    return f"{FORMAT}\n{sha256(manifest).hexdigest()}\n"
