"""What may be edited in a dossier: each takes the files of a good one and gives those of an edited one."""

import re
from collections.abc import Callable

import orjson

from tests.acceptance import dossiers
from tests.acceptance.dossiers import Files
from tests.integration.store import sealed


def body_byte(files: Files) -> Files:
    """Change a byte of a body."""
    at = dossiers.of_type(files, "call.answered")
    return {**files, f"events/{at}.body": files[f"events/{at}.body"].replace(b"answered", b"answerec")}


def signature(files: Files) -> Files:
    """Put another signature."""
    at = dossiers.of_type(files, "call.answered")
    return dossiers.edited(files, f"events/{at}.json", signature=dossiers.encoded(bytes(64)))


def received_time(files: Files) -> Files:
    """Put another time of receipt."""
    at = dossiers.of_type(files, "call.hangup")
    return dossiers.edited(files, f"events/{at}.json", received_us=1)


def salt(files: Files) -> Files:
    """Put another salt."""
    at = dossiers.of_type(files, "call.hangup")
    return dossiers.edited(files, f"events/{at}.json", salt="00" * 16)


def proof_hash(files: Files) -> Files:
    """Put another hash into a proof."""
    name = f"events/{dossiers.of_type(files, 'call.hangup')}.tlog-proof"
    lines = files[name].split(b"\n")
    lines[2] = dossiers.encoded(bytes(32)).encode()
    return {**files, name: b"\n".join(lines)}


def checkpoint_root(files: Files) -> Files:
    """Put another root into the checkpoint."""
    return checkpoint_replaced(files, lambda note: re.sub(r"\n[A-Za-z0-9+/]{43}=\n", f"\n{'A' * 43}=\n", note, count=1))


def checkpoint_signature(files: Files) -> Files:
    """Put another signature under the checkpoint."""
    return checkpoint_replaced(files, lambda note: note[:-20] + "AAAA" + note[-16:])


def checkpoint_replaced(files: Files, replace: Callable[[str], str]) -> Files:
    """Replace the checkpoint wherever it stands."""
    note = files["checkpoint"].decode()
    other = replace(note).encode()
    assert other != note.encode()
    return {
        name: content.replace(note.encode(), other) if name == "checkpoint" or name.endswith("proof") else content
        for name, content in files.items()
    }


def events_swapped(files: Files) -> Files:
    """Let two events change places."""
    one, other = dossiers.of_type(files, "call.answered"), dossiers.of_type(files, "call.hangup")
    swapped = dict(files)
    for suffix in ("body", "json", "tlog-proof"):
        swapped[f"events/{one}.{suffix}"], swapped[f"events/{other}.{suffix}"] = (
            files[f"events/{other}.{suffix}"],
            files[f"events/{one}.{suffix}"],
        )
    return swapped


def event_removed(files: Files) -> Files:
    """Take an event out."""
    at = dossiers.of_type(files, "call.hangup")
    return {name: content for name, content in files.items() if not name.startswith(f"events/{at}.")}


def event_added(files: Files) -> Files:
    """Add an event at a position of its own."""
    at = dossiers.of_type(files, "call.hangup")
    added = {
        name.replace(str(at), "399"): content for name, content in files.items() if name.startswith(f"events/{at}.")
    }
    return dossiers.edited({**files, **added}, "events/399.json", position=399)


def timeline(files: Files) -> Files:
    """Change what the timeline says."""
    return {**files, "call.json": files["call.json"].replace(b"answered", b"ignored.")}


def page(files: Files) -> Files:
    """Change what the page says."""
    return {**files, "index.html": files["index.html"].replace(b"ended", b"never ended")}


def telnyx_key(files: Files) -> Files:
    """Put another key of Telnyx."""
    keys = orjson.loads(files["keys.json"])
    keys["telnyx_keys"][0]["public_key"] = sealed.STRANGER.public
    return {**files, "keys.json": orjson.dumps(keys)}


def manifest(files: Files) -> Files:
    """Change a name in the manifest."""
    return {**files, "manifest.txt": files["manifest.txt"].replace(b"index.html", b"index.htm")}


ALL: list[Callable[[Files], Files]] = [
    body_byte,
    signature,
    received_time,
    salt,
    proof_hash,
    checkpoint_root,
    checkpoint_signature,
    events_swapped,
    event_removed,
    event_added,
    timeline,
    page,
    telnyx_key,
    manifest,
]
