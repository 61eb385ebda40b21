"""API keys on the command line: made, shown once, listed, revoked."""

import re
import subprocess
from pathlib import Path

import orjson

from tests.acceptance import server
from tests.conftest import Database
from tests.integration.store import log


def test_a_key_is_shown_once_listed_and_revoked(database: Database, tmp_path: Path) -> None:
    """The token stands alone on standard output, so that a script can keep it, and is in no table and no list."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return server.run(["keys", *arguments], server.environment(database, tmp_path), tmp_path)

    made = run("create", "prometheus", "--scope", "metrics")
    assert re.fullmatch(r"ca_\w{12}_\w{44}\n", made.stdout)
    assert "not shown again" in made.stderr
    _, key_id, secret = made.stdout.strip().split("_")
    listed = run("list", "--json")
    (row,) = orjson.loads(listed.stdout)
    assert (row["key_id"], row["name"], row["scopes"]) == (key_id, "prometheus", ["metrics"])
    assert row["revoked_at"] is row["last_used_at"] is None
    assert "prometheus" in run("list").stdout
    assert not any(
        secret in text for text in (listed.stdout, made.stderr, str(log.rows(database, "access.api_keys", "1")))
    )

    again = run("create", "prometheus", "--scope", "metrics")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.endswith("[name_taken]\n")
    assert run("revoke", "prometheus").stderr == f"key prometheus ({key_id}) is revoked\n"
    assert orjson.loads(run("list", "--json").stdout)[0]["revoked_at"] is not None
    gone = run("revoke", "prometheus")
    assert (gone.returncode, "[key_not_found]" in gone.stderr) == (2, True)
