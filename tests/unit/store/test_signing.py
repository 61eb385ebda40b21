"""The key's files: made once by whoever is first, for their owner alone, written whole or not at all."""

import os
import stat
import threading
from pathlib import Path

import pytest

from store import notes, signing
from store.errors import SigningFilesUnusable


def test_key_is_made_once_whoever_is_first(tmp_path: Path) -> None:
    """Processes that start together use the one key; its name is that of its public half."""
    made: list[notes.Signer] = []
    start = threading.Barrier(8)

    def make() -> None:
        start.wait()
        made.append(signing.Folder(tmp_path / "keys").make())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = signing.Folder(tmp_path / "keys")
    assert made == [folder.signer()] * 8
    assert folder.verifier() == made[0].verifier
    assert [path.name for path in sorted(folder.path.iterdir())] == ["checkpoint.key", "checkpoint.vkey"]


def test_private_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Neither the key nor its folder is open to others, whatever the umask; the public half may be read."""
    signing.Folder(tmp_path / "keys").make()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()}
    assert modes == {"checkpoint.key": 0o600, "checkpoint.vkey": 0o644}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_origin_names_the_key(tmp_path: Path) -> None:
    """Two logs never share a name."""
    one, other = (signing.Folder(tmp_path / name).make() for name in ("one", "other"))
    assert one.name.startswith("callaudit/")
    assert len(one.name) == len("callaudit/") + 16
    assert one.name != other.name


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    """A folder that is not there has no key, and looking makes none."""
    folder = signing.Folder(tmp_path / "keys")
    assert (folder.signer(), folder.verifier(), folder.last(), folder.retired()) == (None, None, None, [])
    assert not (tmp_path / "keys").exists()


def test_last_note_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """What was signed last is read back, and nothing else is left lying."""
    folder = signing.Folder(tmp_path)
    for note in ("one\n", "two\n\n— x y\n"):
        folder.keep_last(note)
        assert folder.last() == note
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.last"]


def test_public_half_that_was_lost_is_written_again(tmp_path: Path) -> None:
    """It follows from the key."""
    folder = signing.Folder(tmp_path)
    made = folder.make()
    (tmp_path / "checkpoint.vkey").unlink()
    folder.published()
    assert folder.verifier() == made.verifier


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe", b"PRIVATE+KEY+a+00000000+AAAA"])
def test_key_that_is_none_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    """A file that was damaged is for a person to look at; what it holds is not repeated."""
    (tmp_path / "checkpoint.key").write_bytes(content)
    for use in (signing.Folder(tmp_path).signer, signing.Folder(tmp_path).make):
        with pytest.raises(SigningFilesUnusable, match=r"checkpoint\.key"):
            use()
    assert (tmp_path / "checkpoint.key").read_bytes() == content


def test_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """Whatever the reason, it is one kind of refusal."""
    (tmp_path / "keys").write_text("a file")
    folder = signing.Folder(tmp_path / "keys")
    for use in (folder.make, folder.signer, lambda: folder.keep_last("note\n")):
        with pytest.raises(SigningFilesUnusable):
            use()


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser writes for others")
def test_what_the_superuser_writes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    """A command that was run as root does not lock the worker out of its key."""
    os.chown(tmp_path, 4321, 4321)
    folder = signing.Folder(tmp_path)
    folder.make()
    folder.keep_last("note\n")
    assert {path.stat().st_uid for path in tmp_path.iterdir()} == {4321}
