"""The second place beside a sealer that runs: it follows, and what is wrong with it stops nothing."""

from pathlib import Path

import pytest

from callaudit import alarms, mirroring
from store import signing
from tests.acceptance.home import until
from tests.conftest import Database
from tests.integration.callaudit import test_sealer as sealers
from tests.integration.store import seals


def test_second_place_follows_to_the_last_checkpoint(database: Database, tmp_path: Path) -> None:
    """Also the checkpoint that is sealed at the very end is there."""
    folder, second = signing.Folder(tmp_path / "keys"), tmp_path / "second"
    pace = sealers.sealer.Pace(seal_seconds=3_600, look_seconds=0.02)
    with mirroring.running(database.as_part("worker"), folder, str(second)):
        sealers.append(database, 0)
        with sealers.sealing(database, folder.path, pace) as run:
            until((second / "checkpoint").exists)
            sealers.append(database, 1)
            assert run.logged == []
    assert (second / "checkpoint").read_text() == folder.last()
    assert sorted(int(each.name) for each in (second / "checkpoints").rglob("*") if each.is_file()) == [1, 2]
    assert seals.sealed(database, folder.path) == [1, 2]


def test_second_place_that_fails_stops_no_sealing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, again and again, until it is over."""
    monkeypatch.setattr(alarms, "SAY_AGAIN_SECONDS", 0.1)
    folder, second = signing.Folder(tmp_path / "keys"), tmp_path / "second"
    second.write_text("in the way")
    with (
        sealers.sealing(database, folder.path) as run,
        mirroring.running(database.as_part("worker"), folder, str(second), retry_seconds=0.05),
    ):
        sealers.append(database, 0)
        until(lambda: sealers.sealed_size(database) == 1)
        until(lambda: len(run.said("checkpoint_not_mirrored")) >= 2)
        assert {entry["reason"] for entry in run.logged} == {"mirror_unavailable"}
        second.unlink()
        until((second / "checkpoint").exists)
        until(lambda: run.said("mirroring_again"))


def test_without_a_second_place_nothing_runs(database: Database, tmp_path: Path) -> None:
    """It is for whoever names one."""
    with mirroring.running(database.as_part("worker"), signing.Folder(tmp_path), None):
        assert list(tmp_path.iterdir()) == []
