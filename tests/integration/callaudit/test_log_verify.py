"""``log verify`` as it is typed: the verdict, the first thing wrong, the exit code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest

from store import notes, spool
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.store import sealed

EVENTS = 310
SIZES = (100, 300)


def home_of(folder: Path, last: str | None = None) -> Path:
    """Make a home with what the worker leaves there."""
    keys = folder / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "checkpoint.vkey").write_text(f"{sealed.SIGNER.verifier}\n", encoding="utf-8")
    (keys / "sealed_bodies.key").write_bytes(bytes(32))
    if last is not None:
        (keys / "checkpoint.last").write_text(last, encoding="utf-8")
    return folder


def sealed_log(made: Database) -> str:
    """Fill a database with a sealed log; gives the last checkpoint."""
    sealed.write(made, [sealed.trusted(), *map(sealed.delivery, range(1, EVENTS))])
    with psycopg.connect(made.as_part("worker")) as connection:
        return sealed.seal(connection, SIZES)[-1]


def asked(database: Database, home: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    """Run ``log verify``; gives its exit code and what it said."""
    given = server.environment(database, home, **{"TELNYX_PUBLIC_KEY": "", **settings})
    ran = server.run(["log", "verify", *arguments], given, home)
    return ran.returncode, ran.stdout, ran.stderr


def answer(database: Database, home: Path, *arguments: str, **settings: str) -> tuple[int, dict[str, Any]]:
    """Run ``log verify --json``."""
    code, out, said = asked(database, home, "--json", *arguments, **settings)
    assert said == ""
    return code, orjson.loads(out)


@pytest.fixture(scope="module")
def log(clone: Callable[..., Database]) -> tuple[Database, str]:
    """A sealed log and its last checkpoint."""
    made = clone()
    return made, sealed_log(made)


def test_intact_log_is_said_to_be(log: tuple[Database, str], tmp_path: Path) -> None:
    """In one line, then what a reader must know; exit code 0."""
    database, last = log
    code, out, said = asked(database, home_of(tmp_path, last))
    verdict, *remarks = out.splitlines()
    assert (code, said) == (0, "")
    assert verdict == (
        "intact, completeness unknown: 310 events from position 0 on, 265 signatures verified, 2 checkpoints"
    )
    assert "  44 events: verified at ingest, original not retained (masked)" in remarks
    assert "  10 events are under no checkpoint yet" in remarks
    assert "  compared with the checkpoint kept at keys/checkpoint.last, over 300 events" in remarks


def test_json_accounts_for_every_event(log: tuple[Database, str], tmp_path: Path) -> None:
    """What was verified, what cannot be, under which keys, up to where."""
    database, last = log
    code, found = answer(database, home_of(tmp_path, last))
    assert code == 0
    assert (found["integrity"], found["completeness"], found["first_wrong"]) == ("intact", "unknown", None)
    assert (found["events"], found["signatures_verified"], found["signatures_not_retained"]) == (EVENTS, 265, 44)
    assert (found["last_checkpoint"]["size"], found["unsealed"]) == (300, 10)
    assert [(key["label"], key["vouched_by"], key["events"]) for key in found["telnyx_keys"]] == [("live", "log", 265)]
    assert found["log_keys"] == [{"key": str(sealed.SIGNER.verifier), "checkpoints": 3}]


def test_empty_log_has_both_verdicts(database: Database, tmp_path: Path) -> None:
    """Nothing is wrong with nothing, and nobody says that webhooks could be taken."""
    code, found = answer(database, tmp_path)
    assert code == 0
    assert (found["integrity"], found["completeness"], found["events"]) == ("intact", "unknown", 0)


def test_event_that_is_set_aside_in_a_spool_here_makes_the_log_incomplete(
    log: tuple[Database, str], tmp_path: Path
) -> None:
    """It was answered 200, and the log will never take it: intact, and not complete."""
    database, last = log
    home = home_of(tmp_path, last)
    own = spool.create(home / "spool", uuid4())
    own.append([sealed.delivery(7)])
    (waiting,) = own.oldest(1)
    own.set_aside(waiting.number, "DataError")
    own.release(keep=True)
    code, found = answer(database, home)
    assert (code, found["integrity"], found["completeness"], found["set_aside"]) == (0, "intact", "incomplete", 1)


def test_broken_log_is_exit_code_1(clone: Callable[..., Database], tmp_path: Path) -> None:
    """The first thing that is wrong is named by position and reason, for people and for programs."""
    database = clone()
    last = sealed_log(database)
    with psycopg.connect(database.url) as connection:
        sealed.unguard(connection)
        sealed.change(connection, "UPDATE log.events SET body = body || ' ' WHERE position = 41")
    code, out, _ = asked(database, home_of(tmp_path, last))
    assert code == 1
    assert out.startswith("BROKEN, ")
    assert "first wrong: position 41: " in out.splitlines()[1]
    assert out.splitlines()[1].endswith("[leaf_hash_wrong]")
    code, found = answer(database, tmp_path)
    assert (code, found["integrity"]) == (1, "broken")
    assert (found["first_wrong"]["position"], found["first_wrong"]["reason"]) == (41, "leaf_hash_wrong")


def test_checkpoint_file_and_the_one_beside_the_key_show_a_cut_tail(
    clone: Callable[..., Database], tmp_path: Path
) -> None:
    """Each by itself; without both the reader is told that nothing vouches for the tail."""
    database = clone()
    last = sealed_log(database)
    kept = tmp_path / "kept"
    kept.write_text(last, encoding="utf-8")
    with psycopg.connect(database.url) as connection:
        sealed.unguard(connection)
        for table in ("events", "event_keys"):
            sealed.change(connection, "DELETE FROM {} WHERE position >= 200", table=table)
        sealed.change(connection, "DELETE FROM log.checkpoints WHERE size > 200")
        sealed.change(connection, "DELETE FROM log.tiles")
    code, out, _ = asked(database, home_of(tmp_path / "bare"))
    assert code == 0
    assert "nothing outside the database vouches for the tail" in out
    for home, options in ((home_of(tmp_path / "full", last), []), (tmp_path / "bare", ["--checkpoint", str(kept)])):
        code, found = answer(database, home, *options)
        assert code == 1
        assert (found["first_wrong"]["position"], found["first_wrong"]["reason"]) == (200, "log_behind_checkpoint")


def test_keys_given_on_the_command_line_are_the_only_ones(log: tuple[Database, str], tmp_path: Path) -> None:
    """Another key of the log, or of Telnyx, than the one that signed makes the log broken."""
    database, _ = log
    home = home_of(tmp_path)
    other = notes.Signer("callaudit/fedcba9876543210", bytes(32)).verifier
    assert answer(database, home, "--key", str(sealed.SIGNER.verifier))[0] == 0
    code, found = answer(database, home, "--key", str(other))
    assert (code, found["first_wrong"]["reason"]) == (1, "checkpoint_key_unknown")
    code, found = answer(database, home, "--telnyx-key", f"mine={sealed.TELNYX.public}")
    assert [(key["label"], key["vouched_by"]) for key in found["telnyx_keys"]] == [("mine", "option")]
    assert code == 0
    code, found = answer(database, home, "--telnyx-key", sealed.STRANGER.public)
    assert (code, found["first_wrong"]["reason"]) == (1, "key_unknown")


def test_signatures_can_be_skipped(log: tuple[Database, str], tmp_path: Path) -> None:
    """And the answer says so."""
    database, last = log
    code, out, _ = asked(database, home_of(tmp_path, last), "--skip-signatures")
    assert code == 0
    assert "  signatures and data hashes were not checked" in out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--key", "nonsense"], "note_key_refused"),
        (["--telnyx-key", "nonsense"], "public_key_refused"),
        (["--telnyx-key", ""], "public_key_refused"),
        (["--checkpoint", "nowhere"], "checkpoint_unreadable"),
        ([], "log_key_missing"),
    ],
)
def test_wrong_use_is_exit_code_2(log: tuple[Database, str], tmp_path: Path, arguments: list[str], reason: str) -> None:
    """One sentence with a reason; a log with checkpoints and no key to check them with is never called intact."""
    code, out, said = asked(log[0], tmp_path, *arguments)
    assert (code, out) == (2, "")
    assert said.endswith(f"[{reason}]\n")
    assert len(said.splitlines()) == 1
