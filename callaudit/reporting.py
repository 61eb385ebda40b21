"""How the program runs reports: with the right to read the log where it has that, and the log's key to sign with."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich.progress

from callaudit import logs, output, trust, worker
from callaudit.database import Database
from callaudit.settings import Settings, SettingsRefused

if TYPE_CHECKING:
    from reports.issuing import Log


class ManifestUnreadable(OSError):
    """A file that should hold a manifest cannot be read."""

    reason = "manifest_unreadable"


class LogClosed(PermissionError):
    """The question is one of the log, which only the auditor and the worker may read, and no such URL is set."""

    reason = "log_closed"


def log_url(opened: Database) -> str | None:
    """Give a URL with the right to read the log; None: there is only the analyst's."""
    for part in ("auditor", "worker"):
        try:
            return opened.as_part(part)
        except SettingsRefused:
            continue
    return None


@contextmanager
def reading(opened: Database) -> Generator["Log"]:
    """Give how the log is read, with progress shown to whoever watches. Raises LogClosed."""
    from reports.issuing import Log  # noqa: PLC0415  pandas takes a second, which `report list` should not pay

    url = log_url(opened)
    if url is None:
        raise LogClosed("this reads the log: set DATABASE_URL or CALLAUDIT_WORKER_DATABASE_URL")
    with output.progress() as bar:
        tasks: dict[str, rich.progress.TaskID] = {}

        def show(what: str, done: int, tasks_done: int, tasks_all: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
            bar.update(tasks[what], description=f"{done} {what}", completed=tasks_done, total=tasks_all)

        yield Log(url=url, now=worker.now, progress=show, say=lambda word: logs.say(f"callaudit: {word}"))


def signing(read: Settings) -> Callable[[bytes], bytes] | None:
    """Give what signs manifests: the log's key, where this machine has one."""
    from reports import manifest  # noqa: PLC0415  as above

    signer = trust.folder(read).signer()
    return None if signer is None else manifest.signing(signer)


def manifest_bytes(path: Path) -> bytes:
    """Read a manifest. Raises ManifestUnreadable."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ManifestUnreadable(f"{path} cannot be read: {error.strerror}") from error
