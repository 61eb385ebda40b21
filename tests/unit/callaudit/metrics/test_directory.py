"""Where processes count together: what is kept, what is cleared away, and when."""

import multiprocessing
import os
import signal
from pathlib import Path

from callaudit.metrics import directory
from callaudit.metrics.directory import Place


def test_directory_lasts_as_long_as_its_maker_needs_it(tmp_path: Path) -> None:
    """Two listeners in one home count apart, and leave nothing behind."""
    with directory.made(tmp_path, 2) as places, directory.made(tmp_path, 1) as others:
        assert [place.number for place in places] == [0, 1]
        assert places[0].directory == places[1].directory != others[0].directory
        assert all(place.directory.is_dir() for place in (*places, *others))
    assert [path.name for path in (tmp_path / "metrics").iterdir()] == ["lock"]


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    """The next one does it, and spares the directories of those that live."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_make_and_wait, args=(tmp_path, theirs))
    process.start()
    left = ours.recv()
    assert process.pid is not None
    with directory.made(tmp_path, 1) as living:
        assert left.is_dir()
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with directory.made(tmp_path, 1):
            assert not left.exists()
            assert living[0].directory.is_dir()


def _make_and_wait(home: Path, pipe: "multiprocessing.connection.Connection") -> None:
    with directory.made(home, 1) as (place,):
        pipe.send(place.directory)
        pipe.recv()


def test_home_that_cannot_be_written_gives_no_place() -> None:
    """The server goes on without: webhooks are worth more than figures."""
    with directory.made(Path("/proc/nowhere"), 3) as places:
        assert places == []


def test_files_have_their_room_before_anything_is_written(tmp_path: Path) -> None:
    """A page that is written through memory when the disk is full would kill the process."""
    place = Place(tmp_path, 0)
    place.prepare()
    place.prepare()
    found = [path.stat() for path in tmp_path.iterdir()]
    assert len(found) == len(directory.FILES)
    assert all(each.st_size == directory.FILE_BYTES <= each.st_blocks * 512 for each in found)
