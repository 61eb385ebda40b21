"""What an operator types about the seal of the log: the keys, the last checkpoint, another beginning."""

from pathlib import Path

import orjson

from store import checkpoints, signing
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.store import rows, seals


def test_checkpoint_is_printed_and_written(database: Database, tmp_path: Path) -> None:
    """Before the first sealing the answer is no; then the note is printed, and the key that is shown opens it."""
    given = server.environment(database, tmp_path)
    nothing = server.run(["log", "checkpoint"], given, tmp_path)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "sealed yet" in nothing.stderr

    rows.insert(database, range(10))
    seals.seal(database, tmp_path / "keys")
    printed = server.run(["log", "checkpoint"], given, tmp_path)
    shown = orjson.loads(server.run(["keys", "--json"], given, tmp_path).stdout)
    written = server.run(["log", "checkpoint", "--json", "--out", "kept"], given, tmp_path)
    note = printed.stdout
    key = signing.Folder(tmp_path / "keys").verifier()
    assert key is not None
    assert checkpoints.open_(note, key).size == 10
    assert (tmp_path / "kept").read_text() == note
    said = orjson.loads(written.stdout)
    assert (said["origin"], said["size"], said["note"]) == (key.name, 10, note)
    assert [row["use"] for row in shown] == ["checkpoints", "telnyx"]
    assert (shown[0]["public_key"], shown[0]["label"]) == (str(key), key.name)
    assert shown[1]["public_key"] == server.KEY.public

    refused = server.run(["log", "checkpoint", "--out", "no/such/folder"], given, tmp_path)
    assert (refused.returncode, "[out_unwritable]" in refused.stderr) == (2, True)


def test_log_is_continued_with_a_reason(database: Database, tmp_path: Path) -> None:
    """A log that was never sealed is not; one that was gets a new key, which is printed."""
    given = server.environment(database, tmp_path)
    command = ["log", "continue", "--reason", "the key was on a stolen laptop"]
    refused = server.run(command, given, tmp_path)
    assert (refused.returncode, "[nothing_to_continue]" in refused.stderr) == (2, True)

    rows.insert(database, range(10))
    seals.seal(database, tmp_path / "keys")
    old = signing.Folder(tmp_path / "keys").verifier()
    continued = server.run(command, given, tmp_path)
    new = signing.Folder(tmp_path / "keys").verifier()
    assert (continued.returncode, continued.stdout) == (0, f"{new}\n")
    assert new != old
    checkpoint = seals.seal(database, tmp_path / "keys")
    assert checkpoint is not None
    assert checkpoint.size == 11
