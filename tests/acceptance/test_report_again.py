"""A report is issued, run again and restated, as it is typed."""

from pathlib import Path
from typing import Any

import orjson

from tests.acceptance import server
from tests.conftest import Database
from tests.integration.projections import journal
from tests.integration.reports import test_rerun as made
from tests.integration.store import seals

REPORT = ("report", "run", "siprec_sessions", "--from", "1970-01-01", "--to", "1970-01-02", "--format", "csv,json")


def asked(database: Database, home: Path, *arguments: str) -> tuple[int, str, str]:
    """Run a command; gives its exit code and what it said."""
    ran = server.run(arguments, server.environment(database, home, TELNYX_PUBLIC_KEY=""), home)
    return ran.returncode, ran.stdout, ran.stderr


def answer(database: Database, home: Path, *arguments: str) -> tuple[int, Any]:
    """Run a command with ``--json``."""
    code, out, said = asked(database, home, *arguments, "--json")
    assert out, said
    return code, orjson.loads(out)


def test_issued_report_is_run_again_and_restated(database: Database, tmp_path: Path) -> None:
    """It comes out identical under a verified signature, also after a late event, which the restatement names."""
    journal.write_bodies(database, made.calls(0, 8))
    journal.projected(database, made.NOON)
    seals.seal(database, tmp_path / "keys")
    assert asked(database, tmp_path, "log", "verify", "--skip-signatures")[0] == 0  # nobody signed these
    code, written, said = asked(database, tmp_path, *REPORT, "--out", str(tmp_path / "out"))
    assert code == 0, said
    manifest = next(path for path in written.splitlines() if path.endswith(".manifest.json"))
    issued = orjson.loads(Path(manifest).read_bytes())
    assert issued["verification"]["result"] == "intact"
    assert issued["completeness"]["events"] == issued["log_position"]
    code, found = answer(database, tmp_path, "report", "rerun", manifest)
    assert (code, found["result"], found["signature"]) == (0, "identical", "verified")
    late = made.made.event("siprec.started", 3_603_000, call_session_id="ses-3", call_leg_id="leg-3")
    (position,) = journal.write_bodies(database, [(journal.body(late), made.NOON)])
    code, found = answer(database, tmp_path, "report", "rerun", manifest)
    assert (code, found["result"]) == (0, "identical")
    code, found = answer(database, tmp_path, "report", "compare", manifest)
    assert (code, found["as_issued"], found["unexplained"]) == (0, True, 0)
    assert [cause["position"] for change in found["changes"] for cause in change["causes"]] == [position]
    (tmp_path / "out" / "siprec_sessions.csv").write_bytes(b"")
    code, found = answer(database, tmp_path, "report", "rerun", manifest)
    assert (code, found["issued_files_changed"]) == (1, ["siprec_sessions.csv"])
    code, _, said = asked(database, tmp_path, *REPORT, "--as-of", "99999")
    assert (code, said.count("\n"), "[as_of_beyond_log]" in said) == (2, 1, True)
