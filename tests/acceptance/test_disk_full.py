"""A full disk under the spool, and under Postgres: what cannot be kept is refused, what was answered is not lost."""

import contextlib
import os
import random
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from store import spool
from tests.acceptance import home as homes
from tests.acceptance import server, storm
from tests.acceptance.test_crashes import Site, free_port
from tests.conftest import Database
from tests.integration.store.test_intake import Place

BODY_BYTES = 100_000


@pytest.fixture
def small_disk() -> Generator[Callable[[Path, int], Path]]:
    """Mount small disks, which are gone with the test."""
    mounted: list[Path] = []

    def mount(place: Path, megabytes: int) -> Path:
        place.mkdir(parents=True, exist_ok=True)
        options = f"size={megabytes}m,mode=711"
        ended = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "callaudit-test", place], check=False)
        if ended.returncode != 0:
            pytest.skip("may not mount a small disk here")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        homes.end(place)
        subprocess.run(["umount", "--lazy", place], check=True)


def test_full_disk_under_the_spool_is_answered_503_and_heals_by_itself(
    database: Database, tmp_path: Path, small_disk: Callable[[Path, int], Path]
) -> None:
    """While Postgres is away too; what was answered 200 before is in the log afterwards, and takes go on."""
    small_disk(tmp_path / "spool", 24)
    place = Place(database, tmp_path)
    with server.serving(database, tmp_path) as site:
        place.allow_connections(allow=False)
        statuses = _until_refused(site.url)
        assert 10 < len(statuses) < 200
        place.allow_connections(allow=True)
        back_at = time.monotonic()
        homes.until(lambda: storm.is_taken(site.url, 100_000))
        assert time.monotonic() - back_at < 5
        homes.until(lambda: storm.drained_spools(tmp_path))
    assert any("spool_alarm" in line or "spool_failed" in line for line in site.said)
    storm.stored_once(database, {100_000, *(number for number, status in enumerate(statuses) if status == 200)})


@pytest.mark.heavy
def test_full_disk_under_everything_is_answered_503_and_heals_by_itself(
    short_path: Path, small_disk: Callable[[Path, int], Path]
) -> None:
    """Postgres and the spool share a disk that fills up; with room again all goes on, and nothing answered is lost."""
    home = small_disk(short_path / "home", 160)
    site = Site(home, f"http://127.0.0.1:{free_port()}")
    with contextlib.ExitStack() as stack:
        site.start(stack)
        assert storm.is_taken(site.url, 99_999)
        filler = home / "filler"
        _fill(filler, leave=spool.RESERVE_BYTES + 2_000_000)
        statuses = _until_refused(site.url)
        filler.unlink()
        homes.until(lambda: storm.is_taken(site.url, 100_000))
        answered = {99_999, 100_000, *(number for number, status in enumerate(statuses) if status == 200)}
        homes.until(site.is_recovered)
        site.is_whole(answered)


def _until_refused(url: str) -> list[int]:
    """Post large webhooks until ten in a row are refused; each answer is 200 or 503."""
    statuses: list[int] = []
    while statuses[-10:] != [503] * 10:
        # At random: what compresses would take thousands to fill anything.
        body = server.webhook(len(statuses), padding=random.Random(len(statuses)).randbytes(BODY_BYTES // 2).hex())
        statuses.append(storm.post(url, body))
        assert statuses[-1] in {200, 503}
        assert len(statuses) < 10_000
    return statuses


def _fill(filler: Path, *, leave: int) -> None:
    """Use up what is free on a disk, but for so many bytes."""
    free = os.statvfs(filler.parent)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - leave)
