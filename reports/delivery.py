"""Where a schedule's files go: a folder or an object store, to which files are added and never replaced.

A file that is there already with the same bytes is delivered; one with other bytes is a conflict for a person to look
at. So an attempt that is repeated after any crash delivers nothing twice and destroys nothing.
"""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import from_url

from reports.schedule_errors import RunFailed, ScheduleRefused
from store import files

SCHEMES = ("file", "s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss")
"""What a destination's URL may begin with: stores that can refuse to replace."""

_MODE = 0o640
_PATIENCE = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}


class Place(Protocol):
    """A destination that was opened. Names have their folders in them, separated by slashes."""

    def add(self, name: str, content: bytes) -> None:
        """Write a file. Raises FileExistsError or AlreadyExistsError where there is one of that name."""
        ...

    def read(self, name: str) -> bytes:
        """Give a file. Raises FileNotFoundError."""
        ...

    def address(self, name: str) -> str:
        """Say where a file is, for people."""
        ...

    def try_out(self) -> None:
        """Raise whatever it raises when it cannot be used."""
        ...


def check(destination: str) -> None:
    """Raise ScheduleRefused (destination_refused) for what is neither a folder nor a store, or holds credentials."""
    if "://" not in destination:
        if not Path(destination).is_absolute():
            raise _refused("a destination is a folder with its whole path, or an object store's URL")
        return
    try:
        parts = urlsplit(destination)
    except ValueError:
        raise _refused("the destination is no URL") from None
    if parts.scheme not in SCHEMES:
        raise _refused(f"expected a folder, or a URL that begins with one of {', '.join(SCHEMES)}")
    if "@" in parts.netloc and not parts.scheme.startswith("abfs"):
        raise _refused("a destination holds no credentials: those of a store are in the worker's environment")
    if parts.query or parts.fragment:
        raise _refused("a destination is a URL without ? and #: a store's keys are in the worker's environment")


def try_out(destination: str) -> str | None:
    """Say in a sentence what is wrong with a destination now; None: it can be reached, and a folder written."""
    try:
        with _failing():
            _opened(destination).try_out()
    except RunFailed as failed:
        return str(failed)
    return None


def deliver(contents: Mapping[str, bytes], destination: str) -> tuple[str, ...]:
    """Add files in the order given, and say where they are.

    Raises RunFailed: destination_unavailable, and delivery_conflict where another file of one of the names lies there.
    """
    with _failing():
        place = _opened(destination)
        for name, content in contents.items():
            try:
                place.add(name, content)
            except (FileExistsError, AlreadyExistsError):
                if place.read(name) != content:
                    raise RunFailed(
                        "delivery_conflict", f"{place.address(name)} is another file, and nothing is overwritten"
                    ) from None
        return tuple(map(place.address, contents))


def found(name: str, destination: str) -> bytes | None:
    """Give a file that lies there; None: there is none. Raises RunFailed."""
    with _failing():
        try:
            return _opened(destination).read(name)
        except FileNotFoundError:
            return None


def address(name: str, destination: str) -> str:
    """Say where a file would be. Raises RunFailed."""
    with _failing():
        return _opened(destination).address(name)


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, name: str, content: bytes) -> None:
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.draft(path.parent, content, _MODE) as draft:
            os.link(draft, path)  # unlike a rename, fails where there is one

    def read(self, name: str) -> bytes:
        return (self._path / name).read_bytes()

    def address(self, name: str) -> str:
        return str(self._path / name)

    def try_out(self) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        with files.draft(self._path, b""):
            pass


class _Store:
    def __init__(self, url: str) -> None:
        # Without client options, so that the store's own settings in the environment count.
        self._store: Any = cast("Any", from_url)(url, retry_config=_PATIENCE)
        self._url = url.rstrip("/")

    def add(self, name: str, content: bytes) -> None:
        obstore.put(self._store, name, content, mode="create")

    def read(self, name: str) -> bytes:
        return bytes(obstore.get(self._store, name).bytes())

    def address(self, name: str) -> str:
        return f"{self._url}/{name}"

    def try_out(self) -> None:
        next(iter(cast("Any", obstore).list(self._store, chunk_size=1)), None)


def _opened(destination: str) -> Place:
    if destination.startswith("file://"):
        return _Folder(Path(unquote(urlsplit(destination).path)))
    return _Store(destination) if "://" in destination else _Folder(Path(destination))


@contextmanager
def _failing() -> Generator[None]:
    """Whatever else a destination raises, it cannot be used now; a store's message may hold what is secret."""
    try:
        yield
    except RunFailed:
        raise
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise RunFailed("destination_unavailable", f"the destination cannot be used: {why}") from error
    except Exception as error:
        raise RunFailed("destination_unavailable", f"the destination cannot be used: {type(error).__name__}") from error


def _refused(sentence: str) -> ScheduleRefused:
    return ScheduleRefused("destination_refused", sentence)
