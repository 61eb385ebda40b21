"""The database roles: one owner that nobody logs in as, and one role a process, with only what it needs.

Roles belong to the whole cluster, so several databases share them; creating one that exists is nothing.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy

NAMES = ("owner", "ingest", "worker", "analyst", "auditor")

_PREFIX = re.compile(r"[a-z_][a-z0-9_]{0,40}")


class RolePrefixRefused(ValueError):
    """The role prefix is no plain lower-case identifier."""

    reason = "role_prefix_refused"


class RolesTaken(PermissionError):
    """The cluster's roles of this prefix are not the caller's to use."""

    reason = "roles_taken"


def names(prefix: str) -> dict[str, str]:
    """Give the role of each part, checked so that it can stand in SQL: ``{"ingest": "callaudit_ingest", ...}``."""
    if not _PREFIX.fullmatch(prefix):
        raise RolePrefixRefused(f"role prefix {prefix!r}: use lower-case letters, digits and _, at most 41")
    return {name: f"{prefix}_{name}" for name in NAMES}


def create(connection: "sqlalchemy.Connection", prefix: str) -> None:
    """Create what is missing, and let the caller act as the owner role and step down to any other."""
    from sqlalchemy import exc  # noqa: PLC0415

    for name, role in names(prefix).items():
        login = "NOLOGIN" if name == "owner" else "LOGIN"
        connection.exec_driver_sql(
            f"DO $do$ BEGIN CREATE ROLE {role} {login}; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $do$"
        )
    superuser = connection.exec_driver_sql("SELECT current_setting('is_superuser')").scalar_one()
    if superuser == "on":
        return
    try:
        connection.exec_driver_sql(f"GRANT {', '.join(names(prefix).values())} TO CURRENT_USER")
    except exc.ProgrammingError as error:
        raise RolesTaken(
            f"the roles {prefix}_* belong to another user of this server: migrate with another --role-prefix"
        ) from error
