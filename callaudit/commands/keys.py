"""``keys``: what others need to check this log with; beside it, the keys of the API."""

import base64
from pathlib import Path

import typer

from callaudit import output, settings
from callaudit.commands import api_keys
from callaudit.commands.options import Json
from ingest import keys as telnyx_keys
from store import signing

app = typer.Typer(help="Keys: those that prove the log, and those of the API.")

app.command("create")(api_keys.create)
app.command("list")(api_keys.list_)
app.command("revoke")(api_keys.revoke)


@app.callback(invoke_without_command=True)
def keys(context: typer.Context, json: Json = False) -> None:
    """Show the public keys that the log is proved with: the one of its checkpoints, and Telnyx's that are trusted."""
    if context.invoked_subcommand is not None:
        return
    read = settings.load()
    rows = [*_checkpoint_key(read.home / "keys"), *_telnyx_keys(read.telnyx_public_key)]
    if json:
        output.json_line(rows)
    else:
        output.table(("use", "label", "key_id", "public_key"), rows)


def _checkpoint_key(folder: Path) -> list[dict[str, str | None]]:
    public = signing.Folder(folder).verifier()
    if public is None:  # the worker makes it when it starts for the first time
        return [{"use": "checkpoints", "label": None, "key_id": None, "public_key": None}]
    return [{"use": "checkpoints", "label": public.name, "key_id": public.key_hash.hex(), "public_key": str(public)}]


def _telnyx_keys(setting: str) -> list[dict[str, str | None]]:
    if not setting.strip():
        return []
    return [
        {
            "use": "telnyx",
            "label": key.label,
            "key_id": key.key_id,
            "public_key": base64.b64encode(bytes(key.verify_key)).decode(),
        }
        for key in telnyx_keys.public_keys(setting)
    ]
