"""Files written whole or not at all: as a zip, whose bytes depend on its content alone, or into a new folder."""

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

_NO_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
_READABLE = 0o100644 << 16
_UNIX = 3


class OutRefused(OSError):
    """The files cannot be written there."""

    reason = "out_unwritable"


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a zip in the place of what may be there. Raises OutRefused."""
    try:
        number, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(zipped(files))
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), 0o600)  # it says who called whom
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise OutRefused(f"{path} cannot be written: {error.strerror}") from error


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a new folder. Raises OutRefused, also where there is one: old files must not be taken for new ones."""
    if path.exists():
        raise OutRefused(f"{path} is there already: give a folder that is not")
    try:
        with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=f".{path.name}.") as draft:
            whole = Path(draft) / "whole"
            for name, content in files.items():
                file = whole / name
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                file.write_bytes(content)
            whole.rename(path)
    except OSError as error:
        raise OutRefused(f"{path} cannot be written: {error.strerror}") from error


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Give a zip of the files, uncompressed: how well a library compresses would be in the bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            info = zipfile.ZipInfo(name, _NO_TIME)
            info.create_system, info.external_attr = _UNIX, _READABLE
            archive.writestr(info, content)
    return buffer.getvalue()
