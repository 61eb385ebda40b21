"""Which database, and as whom: the given one or the embedded one, each part as its own role."""

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import psycopg
from psycopg import conninfo, sql

import migrations
from callaudit import postgres
from callaudit.settings import Settings, SettingsRefused

if TYPE_CHECKING:
    import sqlalchemy

Part = Literal["ingest", "worker", "analyst", "auditor"]

EMBEDDED_NAME = "callaudit"


OWN_URL: Mapping[Part, str] = {
    "ingest": "callaudit_ingest_database_url",
    "worker": "callaudit_worker_database_url",
    "analyst": "callaudit_query_database_url",
}
"""Part -> the setting that may give its own URL; the auditor has none."""


def missing_schema(error: BaseException) -> bool:
    """Tell whether a database refused because ``callaudit migrate`` has not been run on it."""
    role = re.search(r'role "[^"]*_(ingest|worker|analyst|auditor)" does not exist', str(error))
    return getattr(error, "sqlstate", None) in {"42P01", "3F000", "42883"} or role is not None


@dataclass(frozen=True, slots=True)
class Database:
    """A database that can be reached. ``owner_url`` migrates (None: nobody gave it); ``as_part`` is for all else."""

    owner_url: str | None
    embedded: bool
    settings: Settings

    def as_part(self, part: Part) -> str:
        """Give the connection string of a part's own role.

        With only ``DATABASE_URL`` given, the session is the owner's and steps down to the role: a guard against
        mistakes, not against an intruder; ``serve`` warns about it.
        """
        own = _own_url(self.settings, part)
        role = f"{self.settings.callaudit_role_prefix}_{part}"
        if own is not None:
            return own
        if self.embedded:
            return conninfo.make_conninfo(self.owner(), user=role)
        given = conninfo.conninfo_to_dict(self.owner()).get("options") or ""
        return conninfo.make_conninfo(self.owner(), options=f"{given} -c role={role}".strip())

    def owner(self) -> str:
        """Give the owner's URL. Raises SettingsRefused where nobody gave it."""
        if self.owner_url is None:
            raise SettingsRefused("DATABASE_URL: not set, and this needs the database's owner")
        return self.owner_url

    def steps_down(self, part: Part) -> bool:
        """Tell whether a part would run on the owner's own login."""
        return not self.embedded and _own_url(self.settings, part) is None

    def migrate(self, **options: Any) -> None:
        """Bring the schema to the newest revision."""
        migrations.upgrade(self.owner(), role_prefix=self.settings.callaudit_role_prefix, **options)


@contextmanager
def opened(settings: Settings) -> Generator[Database]:
    """Give the database of the settings; the embedded one, where none is named, runs at least as long as the block."""
    elsewhere = settings.database_url is not None or any(_own_url(settings, part) for part in OWN_URL)
    if elsewhere:
        yield Database(settings.database_url, embedded=False, settings=settings)
        return
    with postgres.embedded(settings.home) as server:
        _create(server.url(dbname="postgres"))
        yield Database(server.url(dbname=EMBEDDED_NAME), embedded=True, settings=settings)


def _own_url(settings: Settings, part: Part) -> str | None:
    return getattr(settings, OWN_URL[part]) if part in OWN_URL else None


@contextmanager
def reading(url: str) -> "Generator[sqlalchemy.Connection]":
    """Give a connection that sees one snapshot: a call read in several statements is never half of two states."""
    import sqlalchemy  # noqa: PLC0415  most commands and the server ask nothing by way of it

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: _connect_in_utc(url), isolation_level="REPEATABLE READ"
    )
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _connect_in_utc(url: str) -> psycopg.Connection[Any]:
    """Connect with clocks in UTC: in other zones the first or last instants there are cannot be written."""
    connection = psycopg.connect(url, autocommit=True)
    connection.execute("SET TimeZone TO 'UTC'")
    connection.autocommit = False
    return connection


def _create(url: str) -> None:
    there_already = psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation
    with psycopg.connect(url, autocommit=True) as connection, suppress(*there_already):
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(EMBEDDED_NAME)))
