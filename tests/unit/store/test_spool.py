"""The spool: what it took is there, whatever happens to the process; a full one refuses and loses nothing."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import spool
from store.entry import Entry, Spooled
from store.errors import SpoolUnavailable
from store.spool import Contents, Spool, Stretch
from tests.unit.store import made

ROOT = Path(__file__).parents[3]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Spool]:
    """A spool of this process."""
    created = spool.create(tmp_path / "spool", uuid4())
    yield created
    created.close()


def entries_of(each: Spool, limit: int = 1_000) -> list[Entry]:
    """Give the entries that wait."""
    return [row.entry for row in each.oldest(limit)]


def test_spool_gives_entries_back_as_they_came(own: Spool) -> None:
    """In their order, whole, with a number each."""
    entries = [made.entry(number, delivery_id=uuid4()) for number in range(3)]
    assert own.append(entries) == [Spooled(1), Spooled(2), Spooled(3)]
    assert entries_of(own) == entries
    assert entries_of(own, 2) == entries[:2]


@settings(deadline=None)  # each example syncs a disk
@given(st.lists(made.entries(), min_size=1, max_size=4))
def test_any_entry_survives_the_spool(entries: list[Entry]) -> None:
    """Whatever the log can hold, the spool holds too."""
    with TemporaryDirectory() as directory:
        own = spool.create(Path(directory), uuid4())
        own.append(entries)
        own.close()
        assert entries_of(own) == entries
        own.release(keep=False)


def test_rows_that_were_removed_or_set_aside_wait_no_longer(own: Spool) -> None:
    """What the log has is forgotten; what it refuses stays, out of the way, with its reason."""
    own.append([made.entry(number) for number in range(4)])
    own.remove([1, 3])
    own.set_aside(2, "DataError")
    assert entries_of(own) == [made.entry(3)]
    assert own.refused() == [(2, "DataError", "event-1")]
    held = own.contents()
    assert (held.rows, held.set_aside, held.oldest_us) == (1, 1, made.entry(3).received_us)


def test_not_more_is_read_at_once_than_can_be_held(own: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large rows come a few at a time, and one that is larger still comes alone."""
    monkeypatch.setattr(spool, "READ_BYTES_MAX", 300)
    own.append([made.entry(number, body=bytes(size)) for number, size in enumerate((100, 100, 100, 900, 1))])
    seen: list[int] = []
    while rows := own.oldest(100):
        seen.append(len(rows))
        own.remove([row.number for row in rows])
    assert seen == [3, 1, 1]


def test_full_spool_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    """A batch goes in whole or not at all, the bound is kept, and once drained there is room again."""
    small = spool.create(tmp_path, uuid4(), bytes_max=400_000)
    taken = 0
    while isinstance(small.append([made.entry(taken, body=bytes(5_000)), made.entry(taken + 1)])[0], Spooled):
        taken += 2
        assert taken < 1_000
    assert 50 < taken < 160
    assert small.contents().rows == taken
    assert small.path.stat().st_size <= 400_000
    assert entries_of(small)[-1] == made.entry(taken - 1)

    small.remove([row.number for row in small.oldest(1_000)])
    assert small.contents().rows == 0
    assert isinstance(small.append([made.entry(0)])[0], Spooled)
    small.release(keep=False)
    assert list(tmp_path.iterdir()) == []


def test_spool_whose_file_is_spoiled_refuses(own: Spool) -> None:
    """Nothing but its own errors comes out, and nothing is said to be kept that is not."""
    own.append([made.entry(0)])
    own.close()
    for path in own.path.parent.iterdir():
        if path.suffix != ".lock":
            path.write_bytes(b"no database at all" * 1_000)
    assert isinstance(own.append([made.entry(1)])[0], SpoolUnavailable)
    for ask in (own.contents, own.stretch, lambda: own.oldest(1), lambda: own.remove([1])):
        with pytest.raises(SpoolUnavailable):
            ask()


def test_spool_of_a_living_process_is_not_adopted(own: Spool) -> None:
    """Nor is one that has just been given up and removed."""
    own.append([made.entry(0)])
    assert list(spool.adopt(own.path.parent, _never)) == []


def test_spool_of_a_dead_process_is_adopted_once(own: Spool) -> None:
    """With everything in it; a second adopter finds nothing."""
    own.append([made.entry(0)])
    own.note_alive(Stretch(1, 1))
    own.note_alive(Stretch(1, 2))
    own.release(keep=True)
    (adopted,) = spool.adopt(own.path.parent, _never)
    assert list(spool.adopt(own.path.parent, _never)) == []
    assert entries_of(adopted) == [made.entry(0)]
    assert (adopted.process, adopted.stretch()) == (own.process, Stretch(1, 2))
    adopted.release(keep=False)
    assert list(own.path.parent.iterdir()) == []


def test_spool_that_cannot_be_adopted_is_shown_and_left_alone(own: Spool) -> None:
    """Somebody has to look at it: spoiled, locked by what is no file, or of no process; the others are adopted."""
    own.append([made.entry(0)])
    own.release(keep=True)
    bad = [own.path.with_name(name) for name in ("0-bad.sqlite", f"{UUID(int=0)}.sqlite", f"{UUID(int=1)}.sqlite")]
    for path in bad:
        path.write_bytes(b"no database at all" * 1_000)
    bad[1].with_name(f"{bad[1].name}.lock").mkdir()
    seen: list[Path] = []
    (adopted,) = spool.adopt(own.path.parent, lambda path, _: seen.append(path))
    assert (sorted(seen), entries_of(adopted)) == (sorted(bad), [made.entry(0)])
    assert all(path.exists() for path in bad)
    adopted.release(keep=False)


def test_rows_set_aside_stay_under_a_name_that_nobody_adopts(own: Spool) -> None:
    """And are shown with the others."""
    own.append([made.entry(0)])
    own.set_aside(1, "DataError")
    own.put_aside()
    assert list(spool.adopt(own.path.parent, _never)) == []
    (left,) = spool.all_in(own.path.parent)
    assert left.refused() == [(1, "DataError", "event-0")]
    left.close()


def test_looking_into_a_spool_changes_nothing(own: Spool) -> None:
    """Whoever looks needs no room on the disk, and cannot write."""
    own.append([made.entry(0)])
    (seen,) = spool.all_in(own.path.parent)
    assert seen.contents().rows == 1
    with pytest.raises(SpoolUnavailable):
        seen.remove([1])
    seen.close()
    assert entries_of(own) == [made.entry(0)]


def test_spool_of_an_earlier_version_gets_the_columns_it_lacks(own: Spool) -> None:
    """What an older program left behind is read by a newer one."""
    own.append([made.entry(0)])
    own.close()
    with sqlite3.connect(own.path) as connection:
        connection.execute("ALTER TABLE entries DROP COLUMN delivery_id")
    connection.close()
    assert entries_of(own) == [made.entry(0)]
    assert isinstance(own.append([made.entry(1, delivery_id=uuid4())])[0], Spooled)


WRITER = """
import sys
from pathlib import Path
from uuid import uuid4
from store import spool
from tests.unit.store import made
own = spool.create(Path(sys.argv[1]), uuid4())
number = 0
while True:
    size = 1 + number % 7
    own.append([made.entry(number + n) for n in range(size)])
    number += size
    print(number, flush=True)
"""


@pytest.mark.heavy
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, full: bool) -> None:
    """Killed at any moment, the spool holds every acknowledged entry, and of the last batch all or nothing."""
    for kill_after in range(3 if not full else 40):
        directory = tmp_path / str(kill_after)
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            acknowledged = [int(writer.stdout.readline()) for _ in range(5 + 3 * kill_after)][-1]
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split("\n")[:-1])])
        (adopted,) = spool.adopt(directory, _never)
        found = entries_of(adopted, 100_000)
        adopted.release(keep=False)
        assert found == [made.entry(number) for number in range(len(found))]
        sizes = {0}
        while max(sizes) <= acknowledged:
            sizes.add(max(sizes) + 1 + max(sizes) % 7)
        assert len(found) >= acknowledged
        assert len(found) in sizes


def _never(path: Path, error: Exception) -> None:
    raise AssertionError((path, error))


def test_contents_of_a_new_spool_are_nothing(own: Spool) -> None:
    """And it says so before anything was written."""
    held = own.contents()
    assert held == Contents(0, 0, held.bytes, None)
