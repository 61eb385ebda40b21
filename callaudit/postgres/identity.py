"""As whom Postgres runs: it refuses root, and initdb refuses a user number without a name.

As oneself where that will do; else in a user namespace that maps oneself to a named user (no new user,
no changed permission); else, as root, as the owner of the data or the user `postgres`.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from callaudit.postgres.binaries import Binaries
from callaudit.postgres.errors import HomeUnusable, RootRefused


@dataclass(frozen=True, slots=True)
class Identity:
    """What to put before a command, and the user and group to run it as (None: unchanged)."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None


def choose(binaries: Binaries, directory: Path, owner: int | None) -> Identity:
    """Give the identity for a cluster in `directory`, whose data has this owner (None: no data yet).

    Raises RootRefused where there is none, HomeUnusable where that user cannot reach directory or binaries.
    """
    me = os.geteuid()
    if me != 0 and _is_named(me):
        return Identity()
    if owner in (None, me) and (mapped := _mapped(binaries)) is not None:
        return mapped
    if me != 0:
        return Identity()  # initdb says best what it misses
    return _other_user(owner, binaries, directory)


def _is_named(uid: int) -> bool:
    return _user(uid) is not None


def _user(who: int | str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(who) if isinstance(who, int) else pwd.getpwnam(who)
    except KeyError:
        return None


def _mapped(binaries: Binaries) -> Identity | None:
    """Give a user namespace, where the kernel and its guards (containers forbid it) let us have one."""
    unshare = shutil.which("unshare")
    user = next((user for user in pwd.getpwall() if user.pw_uid != 0), None)
    if unshare is None or user is None:
        return None
    mapping = (f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}")
    identity = Identity((unshare, "--user", *mapping, "--"))
    return identity if _runs(identity, str(binaries.bindir / "postgres"), "--version") else None


def _other_user(owner: int | None, binaries: Binaries, directory: Path) -> Identity:
    """Give the owner of the data, or `postgres` for data still to be made."""
    user = None if owner == 0 else _user("postgres" if owner is None else owner)
    if user is None:
        raise RootRefused(
            "Postgres does not run as root, and there is neither a user namespace nor a user postgres to run "
            "it as: run as a user that is not root, or set DATABASE_URL."
        )
    identity = Identity((), user.pw_uid, user.pw_gid)
    for place in (directory, binaries.bindir):
        if not _runs(identity, "/bin/sh", "-c", 'cd -- "$1"', "sh", str(place)):
            raise HomeUnusable(
                f"The user {user.pw_name}, as whom Postgres would run, cannot enter {place}: choose a "
                "directory it can enter, run as a user that is not root, or set DATABASE_URL."
            )
    return identity


def _runs(identity: Identity, *command: str) -> bool:
    done = subprocess.run(
        [*identity.prefix, *command],
        user=identity.uid,
        group=identity.gid,
        extra_groups=None if identity.uid is None else [],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        check=False,
    )
    return done.returncode == 0
