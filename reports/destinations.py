"""Where a report's files go: a folder, or an object store by its URL. A set is written whole or not at all.

The manifest comes last, and that of a set that is replaced goes first: it never lies beside files of another set. In a
folder, what a failure interrupts is put back as it was. An object store can only put single objects whole: there an
interrupted set has no manifest, as one has in a folder whose program was killed. Where nothing may be replaced, what
was written is not taken back either: the same set, written again, finds it and goes on.
"""

import errno
import os
import secrets
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore import exceptions

from reports import delivery
from reports.errors import OutExists, OutUnwritable
from store import files, mirror
from store.errors import MirrorUnavailable

_CLIENT = {"timeout": "120s", "allow_http": True}
"""A file is sent in one request. An endpoint of one's own without TLS has to be named as ``http://`` by somebody."""

_WHY = {
    "PermissionDeniedError": "its credentials may not write there, or not delete the manifest of what is replaced",
    "UnauthenticatedError": "its credentials were refused",
    "NotFoundError": "there is no such bucket",
    "FileNotFoundError": "there is no such bucket",
}


class Destination(Protocol):
    """Something that files can be written to."""

    def write(self, contents: Mapping[str, bytes], *, create_only: bool) -> tuple[str, ...]:
        """Write files, the manifest last; gives paths or URLs. Raises OutExists (create_only), OutUnwritable."""
        ...

    def try_out(self) -> None:
        """Raise OutUnwritable where it cannot be reached now."""
        ...


def opened(out: Path | str | Destination) -> Destination:
    """Give the destination that a path or a URL names. Raises OutUnwritable."""
    if isinstance(out, Path):
        return Folder(out)
    if not isinstance(out, str):
        return out
    if "://" not in out:
        return Folder(Path(out).expanduser())
    if out.startswith("file://"):
        return Folder(_path(out))
    try:
        return Objects(mirror.open_store(out, _CLIENT), out)
    except MirrorUnavailable as error:
        raise OutUnwritable(
            f"{shown(out)} is no place to write to: give a folder, or a URL that begins with s3://, gs:// or az://"
        ) from error


def _path(url: str) -> Path:
    parts = urlsplit(url)
    if not delivery.is_of_this_machine(parts):
        raise OutUnwritable(f"{shown(url)} names no folder here: a file: URL has three slashes, as file:///srv/reports")
    return Path(unquote(parts.path))


def checked_name(name: str) -> str:
    """Give what the names of the files begin with. Raises OutUnwritable where no file can be named so."""
    if not name or name.startswith(".") or any(character in "/\\" or character < " " for character in name):
        raise OutUnwritable(f"{name!r} cannot name files: a name holds no slash and does not begin with a dot")
    return name


def shown(url: str) -> str:
    """Give a URL without what may be secret in it."""
    parts = urlsplit(url)
    who, _, host = parts.netloc.rpartition("@")
    # Azure has the container before the account: container@account.
    shown_host = parts.netloc if parts.scheme.startswith("abfs") and ":" not in who else host
    return f"{parts.scheme}://{shown_host}{parts.path}"


class Folder:
    """A folder; it is made where there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, contents: Mapping[str, bytes], *, create_only: bool) -> tuple[str, ...]:
        """Write every file beside its place, then move each there; where one cannot be moved, put all back."""
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            with ExitStack() as stack:
                drafts = {name: stack.enter_context(self._draft(name, written)) for name, written in contents.items()}
                self._place_all(drafts, contents, create_only=create_only)
            files.sync_folder(self._path)
        except OSError as error:
            raise self._unwritable(error) from error
        return tuple(str(self._path / name) for name in contents)

    def try_out(self) -> None:
        """Write a file and take it away again."""
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            with self._draft("tried", b""):
                pass
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> OutUnwritable:
        why = error.strerror or type(error).__name__
        return OutUnwritable(f"cannot write to {self._path}: {why}; choose a folder with room and rights")

    @contextmanager
    def _draft(self, name: str, written: bytes) -> Generator[Path]:
        draft = self._beside(name, "partial")
        try:
            with draft.open("xb") as file:
                file.write(written)
                file.flush()
                os.fsync(file.fileno())
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    def _place_all(self, drafts: Mapping[str, Path], contents: Mapping[str, bytes], *, create_only: bool) -> None:
        if create_only:
            self._refuse_others(contents)
            for name, draft in drafts.items():
                self._create(name, draft, contents)
            return
        with ExitStack() as undo:
            kept = [self._set_aside(name, undo) for name in reversed([*drafts])]  # the manifest first
            for name, draft in drafts.items():
                draft.replace(self._path / name)
                undo.callback((self._path / name).unlink, missing_ok=True)
            undo.pop_all()
        for before in kept:
            before.unlink(missing_ok=True)

    def _create(self, name: str, draft: Path, contents: Mapping[str, bytes]) -> None:
        # Never taken back: another attempt may have found it there, and count it as its own.
        try:
            (self._path / name).hardlink_to(draft)  # unlike a rename, never replaces
        except FileExistsError:
            self._refuse_others(contents)

    def _refuse_others(self, contents: Mapping[str, bytes]) -> None:
        for name, written in contents.items():
            place = self._path / name
            if place.exists() and (not place.is_file() or place.read_bytes() != written):
                raise _exists(str(place), finished=(self._path / list(contents)[-1]).exists())

    def _set_aside(self, name: str, undo: ExitStack) -> Path:
        place, before = self._path / name, self._beside(name, "before")
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder has the name of a file", str(place))
        with suppress(FileNotFoundError):
            place.rename(before)
            undo.callback(before.replace, place)
        return before

    def _beside(self, name: str, what: str) -> Path:
        return self._path / f".{name}.{secrets.token_hex(8)}.{what}"


class Objects:
    """An opened store of obstore; ``url`` is how it is named to people."""

    def __init__(self, store: Any, url: str) -> None:
        self._store = store
        self._url = shown(url).rstrip("/")

    def write(self, contents: Mapping[str, bytes], *, create_only: bool) -> tuple[str, ...]:
        """Put each object whole, in order; what was put is not taken back: without a manifest it is no set."""
        if create_only:
            self._refuse_others(contents)
        else:
            self._withdraw(list(contents)[-1])
        for name, written in contents.items():
            if create_only:
                self._create(name, contents)
            else:
                self._tried(lambda name=name, written=written: obstore.put(self._store, name, written))
        return tuple(f"{self._url}/{name}" for name in contents)

    def try_out(self) -> None:
        """Ask for what lies there."""
        self._tried(lambda: next(iter(cast("Any", obstore).list(self._store, chunk_size=1)), None))

    def _withdraw(self, manifest: str) -> None:
        # Only where one lies there: whoever replaces nothing needs no right to delete.
        if self._held(manifest) is not None:
            self._tried(lambda: obstore.delete(self._store, manifest))

    def _create(self, name: str, contents: Mapping[str, bytes]) -> None:
        try:
            # In parts it would not be conditional.
            self._tried(
                lambda: obstore.put(self._store, name, contents[name], mode="create", use_multipart=False),
                exceptions.AlreadyExistsError,
            )
        except exceptions.AlreadyExistsError:
            self._refuse_others(contents)

    def _refuse_others(self, contents: Mapping[str, bytes]) -> None:
        for name, written in contents.items():
            if (held := self._held(name)) is not None and held != written:
                finished = self._held(list(contents)[-1]) is not None
                raise _exists(f"{self._url}/{name}", finished=finished)

    def _held(self, name: str) -> bytes | None:
        with suppress(FileNotFoundError):
            return self._tried(lambda: bytes(obstore.get(self._store, name).bytes()), FileNotFoundError)
        return None

    def _tried(self, do: Any, *expected: type[Exception]) -> Any:
        """Do something with the store; whatever else it raises, it cannot be written to."""
        try:
            return do()
        except expected:
            raise
        except Exception as error:
            kind = type(error).__name__
            raise OutUnwritable(
                f"cannot write to {self._url}: {_WHY.get(kind, f'it does not answer as it should ({kind})')}; "
                "check address, credentials and network, then write again"
            ) from error


def _exists(place: str, *, finished: bool) -> OutExists:
    what = "a finished set of files" if finished else "another file"
    told = f"{place}: {what} lies there already and is never replaced; choose another name"
    return OutExists(told, finished=finished)
