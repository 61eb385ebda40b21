"""A report is issued, run again and restated, as it is typed."""

import time
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from tests.acceptance import server
from tests.conftest import Database
from tests.integration.projections import journal
from tests.integration.reports import test_rerun as made
from tests.integration.store import seals

DAY = ("--from", "1970-01-01", "--to", "1970-01-02")
REPORT = ("report", "run", "siprec_sessions", *DAY, "--format", "csv,json")


def asked(database: Database, home: Path, *arguments: str) -> tuple[int, str, str]:
    """Run a command; gives its exit code and what it said."""
    ran = server.run(arguments, server.environment(database, home, TELNYX_PUBLIC_KEY=""), home)
    return ran.returncode, ran.stdout, ran.stderr


def answer(database: Database, home: Path, *arguments: str) -> tuple[int, Any]:
    """Run a command with ``--json``."""
    code, out, said = asked(database, home, *arguments, "--json")
    assert out, said
    return code, orjson.loads(out)


POLICY = """
[[rule]]
name = "second trunk"
connection = "con-1"
record = "must_not"

[[rule]]
name = "everybody else"
record = "must"
accepted_sources = ["native"]
"""
"""Real rules: what was recorded in full is over-recorded on one trunk, and no recording at all on the other."""

LATER = 10_000
"""Events that come after the report was issued, in full."""


@pytest.mark.heavy
def test_report_is_identical_after_thousands_of_events_a_policy_and_a_rebuild(
    database: Database, tmp_path: Path, full: bool
) -> None:
    """Ten thousand events later, under a policy that judges calls otherwise, and rebuilt, each file is the same."""
    journal.write_bodies(database, made.calls(0, 40))
    journal.projected(database, made.NOON)
    seals.seal(database, tmp_path / "keys")
    report = ("report", "run", "recording_coverage", *DAY, "--by", "connection", "--format", "csv,json,parquet,html")
    code, written, said = asked(database, tmp_path, *report, "--out", str(tmp_path / "out"))
    assert code == 0, said
    manifest = next(path for path in written.splitlines() if path.endswith(".manifest.json"))
    issued, verdicts_then = orjson.loads(Path(manifest).read_bytes()), verdicts(database)
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    code, _, said = asked(database, tmp_path, "policy", "apply", str(tmp_path / "policy.toml"))
    assert code == 0, said
    now_ms = time.time_ns() // 1_000_000
    later = [
        *made.calls(100, -(-LATER // (1 if full else 10) // 6), at_ms=5_000_000),
        *made.calls(100_000, -(-LATER // (1 if full else 10) // 6), at_ms=now_ms),
    ]
    assert len(later) >= LATER // (1 if full else 10)
    for first in range(0, len(later), 1_000):
        journal.write_bodies(database, later[first : first + 1_000])
    code, _, said = asked(database, tmp_path, "rebuild")
    assert code == 0, said
    assert all(verdict == then for leg, then in verdicts_then.items() for verdict in [verdicts(database)[leg]])
    judged = journal.value(database, "SELECT count(*) FROM calls.coverage WHERE policy_version = 1")
    assert judged > 0
    found = journal.value(
        database, "SELECT string_agg(DISTINCT obligation, ',') FROM calls.coverage WHERE policy_version = 1"
    )
    assert "must_not_record" in found
    code, outcome = answer(database, tmp_path, "report", "rerun", manifest, "--out", str(tmp_path / "again"))
    assert (code, outcome["result"]) == (0, "identical")
    for name in (each["name"] for each in issued["files"]):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    again = orjson.loads(next((tmp_path / "again").glob("*.manifest.json")).read_bytes())
    assert again["content_sha256"] == issued["content_sha256"]
    live = tmp_path / "live"
    assert asked(database, tmp_path, *report, "--out", str(live))[0] == 0
    assert orjson.loads(next(live.glob("*.manifest.json")).read_bytes())["content_sha256"] != issued["content_sha256"]


def verdicts(database: Database) -> dict[str, str]:
    """Give the verdict of each leg."""
    with psycopg.connect(database.url) as connection:
        return dict(connection.execute("SELECT call_leg_id, verdict FROM calls.coverage").fetchall())


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
    looked_at = issued["verification"]
    assert (looked_at["result"], looked_at["signatures"], looked_at["since"]) == ("intact", False, 0)
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
