"""What a schedule may name as its destination, and whether that can be reached now."""

from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from reports.errors import OutUnwritable
from reports.schedule_errors import ScheduleRefused

SCHEMES = ("file", "s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss")
"""What a destination's URL may begin with: stores that can refuse to replace."""


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
    if parts.scheme == "file" and not is_of_this_machine(parts):
        raise _refused("a file: URL has three slashes and a whole path, as file:///srv/reports")
    if "@" in parts.netloc and not parts.scheme.startswith("abfs"):
        raise _refused("a destination holds no credentials: those of a store are in the worker's environment")
    if parts.query or parts.fragment:
        raise _refused("a destination is a URL without ? and #: a store's keys are in the worker's environment")


def is_of_this_machine(parts: SplitResult) -> bool:
    """Tell whether a file: URL names a whole path here; with two slashes its first folder would be taken for a host."""
    return parts.netloc in {"", "localhost"} and parts.path.startswith("/")


def try_out(destination: str) -> str | None:
    """Say in a sentence what is wrong with a destination now; None: it can be reached, and a folder written."""
    from reports import destinations  # noqa: PLC0415  obstore takes a while, which `schedule list` should not pay

    try:
        destinations.opened(destination).try_out()
    except OutUnwritable as error:
        return str(error)
    return None


def _refused(sentence: str) -> ScheduleRefused:
    return ScheduleRefused("destination_refused", sentence)
