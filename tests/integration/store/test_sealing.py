"""A checkpoint covers every row, tiles equal rows, and nothing that contradicts a signature is ever signed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from store import errors, sealing, signing
from tests.acceptance.home import until
from tests.conftest import Database
from tests.integration.store import log, rows, seals
from tests.unit.store import made


def as_superuser(database: Database, *statements: Any) -> None:
    """Do what only somebody with the whole server can: change the log behind its triggers' back."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        for table in ("events", "events_000000", "tiles", "checkpoints"):
            connection.execute(f"ALTER TABLE log.{table} DISABLE TRIGGER append_only")
        for statement in statements:
            connection.execute(statement)
        for table in ("events", "events_000000", "tiles", "checkpoints"):
            connection.execute(f"ALTER TABLE log.{table} ENABLE ALWAYS TRIGGER append_only")


def test_empty_log_is_not_sealed(database: Database, tmp_path: Path) -> None:
    """There is nothing to say of it; the key is made all the same, so that it can be shown."""
    assert seals.seal(database, tmp_path) is None
    assert log.rows(database, "log.checkpoints", "size") == []
    assert signing.Folder(tmp_path).verifier() is not None


def test_appended_events_are_sealed(database: Database, tmp_path: Path) -> None:
    """What ingest appends, the worker seals; with nothing new nothing is sealed again."""
    with log.appender(database) as appender, seals.sealer(database, tmp_path) as sealer:
        for count in (3, 5):
            log.kept(appender.append([made.entry(number) for number in range(count)]))
            checkpoint = sealer.seal()
            assert checkpoint is not None
            assert checkpoint.size == count
            assert sealer.seal() is None
    assert seals.sealed(database, tmp_path) == [3, 5]


@pytest.mark.parametrize("again", [False, True], ids=["one sealer", "a new sealer each time"])
def test_tiles_are_made_at_their_borders(database: Database, tmp_path: Path, again: bool) -> None:
    """Sizes 255, 256, 257 and the next border: whoever goes on there makes the same tiles and roots."""
    steps = [1, 255, 256, 257, 511, 512, 513, 1100]
    with seals.sealer(database, tmp_path) as sealer:
        for start, end in zip([0, *steps], steps, strict=False):
            rows.insert(database, range(start, end))
            checkpoint = seals.seal(database, tmp_path) if again else sealer.seal()
            assert checkpoint is not None
            assert checkpoint.size == end
    assert seals.sealed(database, tmp_path) == steps


def test_tile_of_the_third_level_is_begun(database: Database, tmp_path: Path) -> None:
    """65,536 events are one full tile of full tiles: a border within one backlog, and one just before it."""
    rows.insert(database, range(65_535))
    with seals.sealer(database, tmp_path) as sealer:
        assert sealer.seal() is not None
        rows.insert(database, [65_535])
        assert sealer.seal() is not None
        rows.insert(database, range(65_536, 65_800))
        assert sealer.seal() is not None
    assert seals.sealed(database, tmp_path) == [65_535, 65_536, 65_800]


def test_backlog_is_sealed_in_chunks(database: Database, tmp_path: Path) -> None:
    """However much waits, it is read piece by piece, with a sign of life in between."""
    beats: list[int] = []
    rows.insert(database, range(3 * sealing.CHUNK_POSITIONS + 1))
    with seals.sealer(database, tmp_path, lambda: beats.append(1)) as sealer:
        assert sealer.seal() is not None
    assert len(beats) == 4


def test_sealer_killed_at_any_point_is_followed_by_one_that_goes_on(database: Database, tmp_path: Path) -> None:
    """Tiles without a checkpoint, and a checkpoint that reached the disk alone, are taken up as they are."""
    rows.insert(database, range(600))
    assert seals.seal(database, tmp_path) is not None
    rows.insert(database, range(600, 1300))
    with seals.sealer(database, tmp_path) as sealer:
        sealer._insert = fail  # type: ignore[method-assign]  # dies between the file and the database
        with pytest.raises(Killed):
            sealer.seal()
    assert len(log.rows(database, "log.checkpoints", "checkpoint_id")) == 1
    assert len(log.rows(database, "log.tiles", "level, index")) == 5
    rows.insert(database, range(1300, 1301))
    assert seals.seal(database, tmp_path) is not None
    assert seals.sealed(database, tmp_path) == [600, 1300, 1301]


class Killed(Exception):
    """The process ends here."""


def fail(*_: object) -> None:
    """End here."""
    raise Killed


ENDLESS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from store import sealing, signing
while True:
    with sealing.connect(sys.argv[1]) as connection:
        sealer = sealing.Sealer(connection, signing.Folder(Path(sys.argv[2])), lambda: datetime.now(UTC))
        while sealer.seal() is None:
            pass
        print(flush=True)
"""


@pytest.mark.heavy
def test_sealer_killed_at_random_leaves_a_log_that_seals(database: Database, tmp_path: Path, full: bool) -> None:
    """Killed while it seals, again and again, it leaves tiles and checkpoints that the next one goes on from."""
    size = 0
    for round_ in range(60 if full else 6):
        size += 700
        rows.insert(database, range(size - 700, size))
        command = [sys.executable, "-c", ENDLESS, database.as_part("worker"), str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            if round_ % 2:
                assert process.stdout is not None
                process.stdout.readline()  # has sealed at least once
            rows.insert(database, range(size, size + 300))
            size += 300
            os.kill(process.pid, signal.SIGKILL)
    seals.seal(database, tmp_path)
    assert seals.sealed(database, tmp_path)[-1] == size


def test_two_sealers_at_once_seal_each_size_once(database: Database, tmp_path: Path) -> None:
    """Over a log that grows, what is kept beside the key never goes back, and neither finds fault with the other."""
    end = 1_000
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(seal_until, database, tmp_path, end) for _ in range(2)]
        for start in range(0, end, 20):
            rows.insert(database, range(start, start + 20))
        for each in both:
            each.result()
    sizes = seals.sealed(database, tmp_path)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == end


def seal_until(database: Database, folder: Path, size: int) -> None:
    """Seal, as a new sealer each time, until there is a checkpoint of that size, whoever signed it."""
    with sealing.connect(database.as_part("worker")) as connection:
        while sealing.progress(connection).position < size:
            sealing.Sealer(connection, signing.Folder(folder), lambda: seals.NOW).seal()


def test_sealer_that_waited_for_its_turn_finds_the_log_as_it_is_then(database: Database, tmp_path: Path) -> None:
    """What came and was sealed while it waited is no sign of a log that was put back."""
    rows.insert(database, range(10))
    with (
        seals.sealer(database, tmp_path) as fast,
        seals.sealer(database, tmp_path) as slow,
        ThreadPoolExecutor() as pool,
    ):
        with fast._connection.transaction():
            fast._connection.execute("LOCK TABLE log.seal_turn IN EXCLUSIVE MODE")
            waiting = pool.submit(slow.seal)
            until(lambda: log.value(database, "SELECT count(*) FROM pg_locks WHERE NOT granted"))
            rows.insert(database, range(10, 20))
            assert fast.seal() is not None
        assert waiting.result() is None
    assert seals.sealed(database, tmp_path) == [20]


def test_slow_sealer_signs_nothing_behind_a_fast_one(database: Database, tmp_path: Path) -> None:
    """Who has worked out an older tree sees, once it has the turn, that a newer one was signed."""
    rows.insert(database, range(100))
    with seals.sealer(database, tmp_path) as slow:
        slow._between = lambda: overtake(database, tmp_path)
        assert slow.seal() is None
        slow._between = lambda: None
        assert seals.sealed(database, tmp_path) == [120]
        rows.insert(database, range(120, 130))
        assert slow.seal() is not None
    assert seals.sealed(database, tmp_path) == [120, 130]


def overtake(database: Database, folder: Path) -> None:
    """Append and seal as another worker."""
    rows.insert(database, range(100, 120))
    assert seals.seal(database, folder) is not None


def test_sealer_that_waits_too_long_for_its_turn_lets_the_other_one_seal(database: Database, tmp_path: Path) -> None:
    """A turn that is not given is no failure."""
    rows.insert(database, range(10))
    with psycopg.connect(database.url) as holder, seals.sealer(database, tmp_path) as sealer:
        holder.execute("LOCK TABLE log.seal_turn IN EXCLUSIVE MODE")
        assert sealer.seal() is None
        holder.rollback()
        assert sealer.seal() is not None


CUT_OFF = "DELETE FROM log.events WHERE position >= 400"
FORGET_SEALS = "DELETE FROM log.checkpoints WHERE size > 300"


@pytest.mark.parametrize("living", [False, True], ids=["restarted", "while it runs"])
def test_log_put_back_to_an_earlier_state_is_not_sealed(database: Database, tmp_path: Path, living: bool) -> None:
    """The database of yesterday does not know what was signed since; the file beside the key does."""
    with seals.sealer(database, tmp_path) as sealer:
        for end in (300, 600):
            rows.insert(database, range(end - 300, end))
            assert sealer.seal() is not None
        as_superuser(database, CUT_OFF, FORGET_SEALS, "DELETE FROM log.tiles WHERE index > 0")
        with pytest.raises(errors.LogBehindCheckpoint, match="600"):
            sealer.seal() if living else seals.seal(database, tmp_path)
        rows.insert(database, range(400, 650))  # other events, here with the same hashes but the last ones
    assert seals.seal(database, tmp_path) is not None


def test_other_log_of_the_same_length_is_not_sealed(database: Database, tmp_path: Path) -> None:
    """It grew past the signed size again, with other events: its root differs."""
    rows.insert(database, range(300))
    assert seals.seal(database, tmp_path) is not None
    as_superuser(
        database,
        "DELETE FROM log.checkpoints",
        "UPDATE log.events SET leaf_hash = sha256('edited') WHERE position = 299",
    )
    rows.insert(database, range(300, 320))
    with pytest.raises(errors.LogInconsistent, match="first 300 events"):
        seals.seal(database, tmp_path)
    assert log.rows(database, "log.checkpoints", "size") == []


def test_edit_below_the_last_checkpoint_of_the_database_is_not_sealed(database: Database, tmp_path: Path) -> None:
    """Also without the file beside the key, what the database says was signed must still be there."""
    rows.insert(database, range(300))
    assert seals.seal(database, tmp_path) is not None
    (tmp_path / "checkpoint.last").unlink()
    as_superuser(database, "UPDATE log.events SET leaf_hash = sha256('edited') WHERE position = 299")
    with pytest.raises(errors.LogInconsistent):
        seals.seal(database, tmp_path)


def test_rows_that_a_tile_was_not_made_of_are_not_sealed(database: Database, tmp_path: Path) -> None:
    """A tile made before a checkpoint that never came must be that of the rows."""
    rows.insert(database, range(256))
    as_superuser(database, "INSERT INTO log.tiles VALUES (0, 0, decode(repeat('00', 8192), 'hex'))")
    with pytest.raises(errors.TilesInconsistent, match=r"tile 0/000 .* position 0 on"):
        seals.seal(database, tmp_path)


def test_hole_in_the_log_is_not_sealed(database: Database, tmp_path: Path) -> None:
    """A row that is missing is named."""
    rows.insert(database, [*range(20), *range(21, 30)])
    with pytest.raises(errors.TreeIncomplete, match="no position 20"):
        seals.seal(database, tmp_path)


def remove_key(folder: Path) -> None:
    """Lose the key."""
    (folder / "checkpoint.key").unlink()


def replace_key(folder: Path) -> None:
    """Have a key, of another log."""
    (folder / "checkpoint.key").write_text(signing.new_key().encode())


def empty_folder(folder: Path) -> None:
    """Be another machine."""
    for path in folder.iterdir():
        path.unlink()


def another_machine_with_a_key(folder: Path) -> None:
    """Be another machine that made a key at the same moment."""
    empty_folder(folder)
    signing.Folder(folder).make()


@pytest.mark.parametrize("change", [remove_key, replace_key, empty_folder, another_machine_with_a_key])
def test_log_that_another_key_sealed_is_not_sealed(
    database: Database, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """A key is made only while nothing was signed; one that did not sign this log never does."""
    rows.insert(database, range(10))
    assert seals.seal(database, tmp_path) is not None
    change(tmp_path)
    rows.insert(database, range(10, 20))
    with pytest.raises(errors.CheckpointKeyMissing):
        seals.seal(database, tmp_path)
    assert len(log.rows(database, "log.checkpoints", "size")) == 1


def test_progress_says_what_waits(database: Database, tmp_path: Path) -> None:
    """Who watches sees how far the log is sealed and how long the oldest event waits."""
    with psycopg.connect(database.as_part("worker")) as connection:
        assert sealing.progress(connection) == sealing.Progress(0, None, None)
        rows.insert(database, range(10))
        assert sealing.progress(connection).oldest_waiting is not None
        seals.seal(database, tmp_path)
        assert sealing.progress(connection) == sealing.Progress(10, seals.NOW, None)
        rows.insert(database, range(10, 20))
        found = sealing.progress(connection)
        assert found.position == 10
        assert found.oldest_waiting is not None
