"""Where files go: a folder or an object store, whole or not at all."""

import errno
import os
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore

from reports import delivery, destinations, export
from reports.destinations import Destination, Folder, Objects
from reports.errors import OutExists, OutUnwritable
from reports.schedule_errors import ScheduleRefused
from tests.unit.reports.test_export import ONE, failed, run

FILES = {"a.csv": b"a", "a.json": b"{}", "a.manifest.json": b"m"}


@pytest.fixture(params=["folder", "object store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Destination, Any]:
    """A destination, and how to look at what lies there."""
    if request.param == "folder":
        folder = tmp_path / "new" / "out"
        return Folder(folder), lambda: {path.name: path.read_bytes() for path in folder.iterdir()}
    store = MemoryStore()
    return Objects(store, "memory:///"), lambda: held(store)


def held(store: Any) -> dict[str, bytes]:
    """Give what lies in a store."""
    paths = [each["path"] for batch in obstore.list(store) for each in batch]
    return {path: bytes(obstore.get(store, path).bytes()) for path in paths}


def failing(put: Any, broken: str) -> Any:
    """Give a way to put objects that fails for one name."""

    def failed_or_put(to: Any, name: str, content: bytes, **options: Any) -> Any:
        if name == broken:
            raise TimeoutError
        return put(to, name, content, **options)

    return failed_or_put


def test_files_lie_there_under_their_names(place: tuple[Destination, Any]) -> None:
    """All of them and nothing else, given back in order; a second set replaces the first."""
    destination, lies = place
    paths = destination.write(FILES, create_only=False)
    assert (lies(), [path.rpartition("/")[2] for path in paths]) == (FILES, list(FILES))
    newer = FILES | {"a.csv": b"newer"}
    destination.write(newer, create_only=False)
    assert lies() == newer


def test_what_lies_there_is_never_replaced_where_only_new_files_may_be_made(place: tuple[Destination, Any]) -> None:
    """Another set under the same name is refused, and tells that a finished one lies there; nothing of it stays."""
    destination, lies = place
    destination.write(FILES, create_only=True)
    with pytest.raises(OutExists) as refused:
        destination.write({"b.csv": b"b"} | FILES | {"a.json": b"other"}, create_only=True)
    assert (refused.value.reason, refused.value.finished) == ("out_exists", True)
    assert lies() == FILES


def test_interrupted_writing_of_the_same_files_goes_on(place: tuple[Destination, Any]) -> None:
    """What is there with the very same bytes counts as written; other bytes without a manifest are not finished."""
    destination, lies = place
    destination.write({"a.csv": b"a"}, create_only=True)
    destination.write(FILES, create_only=True)
    assert destination.write(FILES, create_only=True)
    assert lies() == FILES
    with pytest.raises(OutExists) as refused:
        destination.write({"a.csv": b"b", "b.manifest.json": b"m"}, create_only=True)
    assert refused.value.finished is False


def test_failure_in_a_folder_puts_everything_back(tmp_path: Path) -> None:
    """Where a later file cannot take its place, the earlier ones are as they were, or gone."""
    (tmp_path / "a.csv").write_bytes(b"before")
    (tmp_path / "a.manifest.json").mkdir()
    with pytest.raises(OutUnwritable, match="choose a folder"):
        Folder(tmp_path).write(FILES, create_only=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.manifest.json"]
    assert (tmp_path / "a.csv").read_bytes() == b"before"


def test_manifest_never_lies_beside_files_of_another_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever a program that replaces a set in a folder is killed, also while it puts the old one back."""
    seen, full = list[dict[str, bytes]](), ["a.json"]

    def watched(move: Any) -> Any:
        def moved(path: Path, target: Path) -> Path:
            if [target.name] == full:
                raise OSError(errno.ENOSPC, full.pop())
            arrived = move(path, target)
            seen.append({each.name: each.read_bytes() for each in tmp_path.glob("[!.]*")})
            return arrived

        return moved

    newer = dict.fromkeys(FILES, b"newer")
    Folder(tmp_path).write(FILES, create_only=False)
    monkeypatch.setattr(Path, "rename", watched(Path.rename))
    monkeypatch.setattr(Path, "replace", watched(Path.replace))
    with pytest.raises(OutUnwritable):
        Folder(tmp_path).write(newer, create_only=False)
    assert {"a.csv": b"newer"} in seen
    assert seen[-1] == FILES
    Folder(tmp_path).write(newer, create_only=False)
    assert seen[-1] == newer
    assert all(lies in (FILES, newer) for lies in seen if "a.manifest.json" in lies)


def test_failure_in_an_object_store_leaves_no_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest is put last; what was put before the failure stays, for another attempt to find."""
    store, put = MemoryStore(), obstore.put
    monkeypatch.setattr(obstore, "put", failing(put, "a.json"))
    with pytest.raises(OutUnwritable, match=r"cannot write to memory:///out: it does not answer .*TimeoutError"):
        Objects(store, "memory:///out/").write(FILES, create_only=True)
    assert set(held(store)) == {"a.csv"}


def test_failure_in_replacing_a_set_in_an_object_store_leaves_no_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of the old set, some of whose files are new; written again it is whole."""
    store, put = MemoryStore(), obstore.put
    Objects(store, "memory:///").write(FILES, create_only=False)
    newer = FILES | {"a.csv": b"newer"}
    with monkeypatch.context() as broken:
        broken.setattr(obstore, "put", failing(put, "a.json"))
        with pytest.raises(OutUnwritable, match="TimeoutError"):
            Objects(store, "memory:///").write(newer, create_only=False)
    assert held(store) == {"a.csv": b"newer", "a.json": FILES["a.json"]}
    Objects(store, "memory:///").write(newer, create_only=False)
    assert held(store) == newer


def test_large_object_is_created_conditionally_too() -> None:
    """A file beyond the size of one part never replaces one either."""
    store, large = MemoryStore(), b"x" * 6_000_000
    obstore.put(store, "a.csv", b"before")
    with pytest.raises(OutExists):
        Objects(store, "memory:///").write({"a.csv": large, "m": b""}, create_only=True)
    assert held(store) == {"a.csv": b"before"}


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_folder_without_rights_is_refused(tmp_path: Path) -> None:
    """Said in a sentence, with what to do."""
    tmp_path.chmod(0o500)
    with pytest.raises(OutUnwritable, match="choose a folder"):
        Folder(tmp_path).write(FILES, create_only=False)


@pytest.mark.parametrize("url", ["ftp://x.invalid/y", "s3://", "nonsense://x"])
def test_url_that_names_no_store_is_refused(url: str) -> None:
    """What could be given instead is said."""
    with pytest.raises(OutUnwritable, match="s3://, gs:// or az://"):
        destinations.opened(url)


def test_secrets_of_a_url_are_not_shown() -> None:
    """User, password and query stay out of messages and paths."""
    assert destinations.shown("https://user:secret@host/path?sig=secret") == "https://host/path"


def test_file_url_and_name_of_a_set(tmp_path: Path) -> None:
    """A set goes under the name it is given, and a name that would lead elsewhere is refused."""
    paths = export.write(ONE, (tmp_path / "a b").as_uri(), ["csv"], program_version="1", name="2026-10-03")
    assert [Path(path).name for path in paths] == ["2026-10-03.csv", "2026-10-03.manifest.json"]
    assert all(Path(path).parent == tmp_path / "a b" for path in paths)
    for name in ("", "../x", ".hidden", "a/b", "a\nb"):
        with pytest.raises(OutUnwritable, match="cannot name files"):
            export.write(ONE, tmp_path, ["csv"], program_version="1", name=name)


@pytest.mark.parametrize("url", ["file://exports", "file://exports/nightly", "file://", "file:relative", "file://h/x"])
def test_file_url_that_names_no_whole_path_is_refused(url: str) -> None:
    """Its first folder would be taken for a host, and evidence would lie elsewhere than is said."""
    with pytest.raises(ScheduleRefused) as refused:
        delivery.check(url)
    assert refused.value.reason == "destination_refused"
    if url.startswith("file://"):
        with pytest.raises(OutUnwritable, match="three slashes"):
            destinations.opened(url)
    assert delivery.check("file:///srv/reports") is None
    assert delivery.check("file://localhost/srv/reports") is None


def test_address_that_is_shown_keeps_all_but_credentials() -> None:
    """Azure has the container before the account; elsewhere a name and password stand there."""
    assert destinations.shown("abfss://box@acc.dfs.core.windows.net/x") == "abfss://box@acc.dfs.core.windows.net/x"
    assert destinations.shown("abfss://a:b@acc.dfs.core.windows.net/x") == "abfss://acc.dfs.core.windows.net/x"
    assert destinations.shown("s3://key:secret@bucket/x?y=z") == "s3://bucket/x"


def test_run_is_delivered_once(tmp_path: Path) -> None:
    """The same run may be written again, as after a crash; another one under its name may not."""
    first = export.write(ONE, tmp_path, ["csv"], program_version="1", create_only=True)
    assert export.write(ONE, tmp_path, ["csv"], program_version="1", create_only=True) == first
    with pytest.raises(OutExists, match="a finished set of files"):
        export.write(run(failed("other")), tmp_path, ["csv"], program_version="1", create_only=True)
