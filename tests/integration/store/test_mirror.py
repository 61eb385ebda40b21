"""The second place has every checkpoint, and never one that contradicts what lies there."""

from pathlib import Path
from typing import Any

import obstore
import psycopg
import pytest
from obstore.store import LocalStore, MemoryStore

from store import checkpoints, errors, mirror, notes, sealing, signing
from tests.conftest import Database
from tests.integration.store import rows, seals
from tests.integration.store.test_continuation import go_on
from tests.integration.store.test_sealing import as_superuser


@pytest.fixture(params=["folder", "object store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """An empty second place."""
    return MemoryStore() if request.param == "object store" else LocalStore(tmp_path / "second", mkdir=True)


def seal(database: Database, folder: Path, end: int) -> None:
    """Append up to a position, and seal."""
    with psycopg.connect(database.url) as connection:
        row = connection.execute("SELECT coalesce(max(position) + 1, 0) FROM log.events").fetchone()
        assert row is not None
    rows.insert(database, range(row[0], end))
    assert seals.seal(database, folder) is not None


def catch_up(database: Database, folder: Path, place: Any) -> int:
    """Mirror once, as the worker's role."""
    with sealing.connect(database.as_part("worker")) as connection:
        return mirror.Mirror(place, signing.Folder(folder)).catch_up(connection)


def held(place: Any) -> dict[str, bytes]:
    """Give what lies in the second place."""
    paths = [each["path"] for batch in obstore.list(place) for each in batch]
    return {path: bytes(obstore.get(place, path).bytes()) for path in paths}


def test_every_checkpoint_is_written_once_and_the_last_one_beside(
    database: Database, tmp_path: Path, place: Any
) -> None:
    """Each under its size, as it was signed; with nothing new nothing is written."""
    folder = tmp_path / "keys"
    seal(database, folder, 300)
    assert catch_up(database, folder, place) == 1
    assert catch_up(database, folder, place) == 0
    for end in (301, 600, 700):
        seal(database, folder, end)
    assert catch_up(database, folder, place) == 3
    key = signing.Folder(folder).verifier()
    assert key is not None
    lies = held(place)
    last = lies.pop("checkpoint")
    name = key.name.removeprefix("callaudit/")
    assert sorted(lies) == [f"checkpoints/{name}/{size:020}" for size in (300, 301, 600, 700)]
    assert [checkpoints.open_(notes.decode(lies[path]), key).size for path in sorted(lies)] == [300, 301, 600, 700]
    assert last == lies[max(lies)]
    assert last.decode() == signing.Folder(folder).last()


def test_writing_that_was_interrupted_goes_on(database: Database, tmp_path: Path, place: Any) -> None:
    """What was written before the end is there already, and the same."""
    folder = tmp_path / "keys"
    for end in (100, 200, 300):
        seal(database, folder, end)
    assert catch_up(database, folder, place) == 3
    obstore.delete(place, "checkpoint")
    assert catch_up(database, folder, place) == 3
    assert held(place)["checkpoint"].decode() == signing.Folder(folder).last()


def test_nothing_sealed_is_nothing_to_write(database: Database, tmp_path: Path, place: Any) -> None:
    """Before the first checkpoint, with a key or without."""
    assert catch_up(database, tmp_path / "keys", place) == 0
    seals.seal(database, tmp_path / "keys")
    assert catch_up(database, tmp_path / "keys", place) == 0
    assert held(place) == {}


@pytest.fixture
def mirrored(database: Database, tmp_path: Path, place: Any) -> Path:
    """The key's folder of a log that was sealed at 300 and 600, both of which lie in the second place."""
    folder = tmp_path / "keys"
    for end in (300, 600):
        seal(database, folder, end)
    catch_up(database, folder, place)
    return folder


CUT_OFF = (
    "DELETE FROM log.events WHERE position >= 400",
    "DELETE FROM log.checkpoints WHERE size = 600",
    "DELETE FROM log.tiles WHERE index > 0",
)


@pytest.mark.parametrize("end", [400, 650])
def test_log_that_was_cut_off_and_forgotten_contradicts_the_second_place(
    database: Database, place: Any, mirrored: Path, end: int
) -> None:
    """Somebody with database, key and files makes the log seal on; what lies elsewhere says otherwise, and stays."""
    before = held(place)
    as_superuser(database, *CUT_OFF)
    (mirrored / "checkpoint.last").unlink()
    if end > 400:
        as_superuser(database, "UPDATE log.events SET leaf_hash = sha256('edited') WHERE position = 399")
        seal(database, mirrored, end)
    with pytest.raises(errors.MirrorInconsistent, match="600"):
        catch_up(database, mirrored, place)
    assert held(place) == before


@pytest.mark.parametrize(
    "lies", [b"", b"\xff", b"nonsense\n", b"other/log\n1\nAAAA\n\n\xe2\x80\x94 other/log AAAAAAA=\n"]
)
def test_what_is_no_checkpoint_of_this_log_is_not_overwritten(
    database: Database, place: Any, mirrored: Path, lies: bytes
) -> None:
    """Another log's place, or somebody's edit, is for a person to look at."""
    obstore.put(place, "checkpoint", lies)
    seal(database, mirrored, 700)
    with pytest.raises(errors.MirrorInconsistent):
        catch_up(database, mirrored, place)
    assert held(place)["checkpoint"] == lies


def test_other_checkpoint_of_a_size_is_not_overwritten(database: Database, place: Any, mirrored: Path) -> None:
    """What was written once stays as it is."""
    key = signing.Folder(mirrored).signer()
    assert key is not None
    path = f"checkpoints/{key.name.removeprefix('callaudit/')}/{700:020}"
    obstore.put(place, path, b"something else")
    seal(database, mirrored, 700)
    with pytest.raises(errors.MirrorInconsistent, match="700"):
        catch_up(database, mirrored, place)
    assert held(place)[path] == b"something else"


def test_continued_log_has_its_own_checkpoints_beside_the_old_ones(
    database: Database, place: Any, mirrored: Path
) -> None:
    """The old ones stay where they are."""
    before = held(place)
    as_superuser(database, *CUT_OFF)
    go_on(database, mirrored)
    for end in (500, 600):
        seal(database, mirrored, end)
    assert catch_up(database, mirrored, place) == 2
    after = held(place)
    assert len(after) == len(before) + 2
    assert {path: after[path] for path in before if path != "checkpoint"} == {
        path: note for path, note in before.items() if path != "checkpoint"
    }
    seal(database, mirrored, 700)
    assert catch_up(database, mirrored, place) == 1


def test_place_that_cannot_be_used_is_unavailable(database: Database, tmp_path: Path) -> None:
    """Whatever is wrong with it is one kind of refusal, which does not repeat its address."""
    seal(database, tmp_path / "keys", 10)
    (tmp_path / "file").write_text("in the way")
    for target in (str(tmp_path / "file" / "below"), "s3://", "http://[broken", "gopher://secret@host/x"):
        with pytest.raises(errors.MirrorUnavailable) as refused:
            mirror.open_store(target)
        assert "secret" not in str(refused.value)
    place = mirror.open_store(str(tmp_path / "second"))
    (tmp_path / "second" / "checkpoint").mkdir()
    with pytest.raises(errors.MirrorUnavailable):
        catch_up(database, tmp_path / "keys", place)


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_folder_is_made(tmp_path: Path, scheme: str) -> None:
    """A folder may be named as a path or a URL."""
    (tmp_path / "new").mkdir()
    place = mirror.open_store(f"{scheme}{tmp_path / 'new'}")
    obstore.put(place, "checkpoint", b"note")
    assert (tmp_path / "new" / "checkpoint").read_bytes() == b"note"
