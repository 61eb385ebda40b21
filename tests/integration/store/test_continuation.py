"""A log that cannot be sealed begins anew: the old key never signs again, and the new log says what came before."""

from dataclasses import replace
from pathlib import Path

import orjson
import psycopg
import pytest

from store import append, checkpoints, continuation, errors, heads, notes, sealing, signing, verify
from tests.conftest import Database
from tests.integration.store import log, rows, seals
from tests.integration.store.test_sealing import as_superuser
from tests.unit.store import made


def go_on(database: Database, folder: Path, reason: str = "restored the backup of 1 March") -> notes.Verifier:
    """Continue the log as the worker's role does."""
    url = database.as_part("worker")
    with sealing.connect(url) as connection, append.connect(url, application_name="test") as line:
        return continuation.begin(connection, append.Appender(line), signing.Folder(folder), reason, 1)


@pytest.fixture
def restored(database: Database, tmp_path: Path) -> Path:
    """The key's folder of a log that was sealed at 300 and 600, and then put back to 400."""
    for end in (300, 600):
        rows.insert(database, range(end - 300, end))
        seals.seal(database, tmp_path)
    as_superuser(
        database,
        "DELETE FROM log.events WHERE position >= 400",
        "DELETE FROM log.checkpoints WHERE size = 600",
        "DELETE FROM log.tiles WHERE index > 0",
    )
    with pytest.raises(errors.LogBehindCheckpoint):
        seals.seal(database, tmp_path)
    return tmp_path


def said(database: Database) -> list[dict[str, str]]:
    """Give what the events of continuing say."""
    bodies = [row["body"] for row in log.rows(database) if row["event_type"] == "log.continued"]
    return [orjson.loads(body)["data"]["payload"] for body in bodies]


def test_restored_log_is_sealed_under_a_new_name(database: Database, restored: Path) -> None:
    """The event under its first checkpoint has the reason, both keys, and the last checkpoint of the old log."""
    folder = signing.Folder(restored)
    old, last = folder.verifier(), folder.last()
    assert old is not None
    assert last is not None
    new = go_on(database, restored)
    checkpoint = seals.seal(database, restored)
    assert checkpoint is not None
    assert (checkpoint.origin, checkpoint.size, folder.retired()) == (new.name, 401, [old])
    (event,) = said(database)
    assert event == {
        "reason": "restored the backup of 1 March",
        "old_origin": old.name,
        "old_vkey": str(old),
        "old_checkpoint": last,
        "new_origin": new.name,
        "new_vkey": str(new),
    }
    assert checkpoints.open_(event["old_checkpoint"], old).size == 600


def test_old_key_is_gone(database: Database, restored: Path) -> None:
    """Nowhere among the files is its private half."""
    old = (restored / "checkpoint.key").read_text()
    (restored / ".draft.left").write_text(old)  # by a process that was killed as it made the key
    go_on(database, restored)
    assert old not in [path.read_text() for path in restored.iterdir()]
    assert {path.name for path in restored.iterdir()} == {
        "checkpoint.key", "checkpoint.vkey", "retired.vkeys", "retired.origins",
    }  # fmt: skip


def test_continued_log_is_sealed_on(database: Database, restored: Path) -> None:
    """Sizes that the old log had sealed are sealed again under the new name, and the new one has its own promise."""
    go_on(database, restored)
    for size in (500, 600, 700):
        rows.insert(database, range(log.value(database, "SELECT max(position) + 1 FROM log.events"), size))
        assert seals.seal(database, restored) is not None
    as_superuser(database, "DELETE FROM log.events WHERE position >= 690")
    with pytest.raises(errors.LogBehindCheckpoint):
        seals.seal(database, restored)


def test_sealer_that_runs_meanwhile_signs_with_the_new_key(database: Database, tmp_path: Path) -> None:
    """It worked out its tree under the old key; what it signs has the new one."""
    rows.insert(database, range(10))
    with seals.sealer(database, tmp_path) as sealer:
        assert sealer.seal() is not None
        new = go_on(database, tmp_path)
        assert sealer.seal() is None
        checkpoint = sealer.seal()
    assert checkpoint is not None
    assert checkpoint.origin == new.name


def test_log_whose_key_is_lost_goes_on(database: Database, tmp_path: Path) -> None:
    """Without the old key, and even without its public half, the old log is named as its checkpoint says."""
    rows.insert(database, range(10))
    seals.seal(database, tmp_path)
    origin = checkpoints.unverified(signing.Folder(tmp_path).last() or "").origin
    for path in tmp_path.iterdir():
        path.unlink()
    new = go_on(database, tmp_path)
    checkpoint = seals.seal(database, tmp_path)
    assert checkpoint is not None
    assert checkpoint.origin == new.name
    assert (said(database)[0]["old_origin"], said(database)[0]["old_vkey"]) == (origin, None)


@pytest.mark.parametrize("dies_in", ["next_key", "retire", "append", "take_next_key"])
def test_continuing_that_is_interrupted_is_done_again(
    database: Database, restored: Path, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    """Until it is done nothing is sealed; done again, it is the same beginning, said once."""
    owner = append.Appender if dies_in == "append" else signing.Folder
    done = getattr(owner, dies_in)

    def die_after(*given: object) -> None:
        done(*given)
        raise InterruptedError

    def die_at_once(*_: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(owner, dies_in, die_at_once if dies_in == "take_next_key" else die_after)
        with pytest.raises(InterruptedError):
            go_on(database, restored)
    with pytest.raises(errors.SealingRefused):
        seals.seal(database, restored)
    new = go_on(database, restored)
    checkpoint = seals.seal(database, restored)
    assert checkpoint is not None
    assert checkpoint.origin == new.name
    assert [event["new_vkey"] for event in said(database)] == [str(new)]


def test_continuing_that_is_interrupted_at_the_very_end_is_done(database: Database, restored: Path) -> None:
    """The new key is in its place: what the old one signed last binds nobody, wherever it still lies."""
    last = signing.Folder(restored).last() or ""
    new = go_on(database, restored)
    (restored / "checkpoint.last").write_text(last)
    (restored / "checkpoint.vkey").unlink()
    checkpoint = seals.seal(database, restored)
    assert checkpoint is not None
    assert checkpoint.origin == new.name
    assert signing.Folder(restored).verifier() == new


def test_continued_log_verifies_and_shows_what_was_lost(database: Database, tmp_path: Path) -> None:
    """With both keys all that is there is proved; the old log's last checkpoint says that there was more."""
    folder = signing.Folder(tmp_path)
    with log.appender(database) as appender:
        for end in (10, 20):
            log.kept(appender.append([made.entry(number) for number in range(end - 10, end)]))
            seals.seal(database, tmp_path)
    lost = folder.last() or ""
    as_superuser(
        database,
        "DELETE FROM log.events WHERE position >= 15",
        "ALTER TABLE log.event_keys DISABLE TRIGGER append_only",
        "DELETE FROM log.event_keys WHERE position >= 15",
        "DELETE FROM log.checkpoints WHERE size = 20",
    )
    new = go_on(database, tmp_path)
    seals.seal(database, tmp_path)
    with psycopg.connect(database.as_part("auditor")) as connection:
        given = verify.Given(log_keys=[*folder.retired(), new], signatures=False)
        assert verify.verify(connection, given).first_wrong is None
        given = replace(given, checkpoints=[heads.Kept("elsewhere", lost)])
        wrong = verify.verify(connection, given).first_wrong
    assert wrong is not None


def test_log_that_was_never_sealed_is_not_continued(database: Database, tmp_path: Path) -> None:
    """It is at its beginning."""
    rows.insert(database, range(10))
    with pytest.raises(errors.NothingToContinue):
        go_on(database, tmp_path)


def test_key_is_kept_where_no_log_could_begin(database: Database, tmp_path: Path) -> None:
    """Rows that a full tile was not made of could never be sealed: that is for a backup to mend."""
    rows.insert(database, range(300))
    seals.seal(database, tmp_path)
    before = (tmp_path / "checkpoint.key").read_bytes()
    as_superuser(database, "UPDATE log.events SET leaf_hash = sha256('edited') WHERE position = 7")
    with pytest.raises(errors.TilesInconsistent):
        go_on(database, tmp_path)
    assert (tmp_path / "checkpoint.key").read_bytes() == before
    assert signing.Folder(tmp_path).retired() == []
