"""Which database, and as whom: the given one or the embedded one, each part as its own role."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import conninfo, sql

import migrations
from callaudit import postgres
from callaudit.settings import Settings

Part = Literal["ingest", "worker", "analyst", "auditor"]

EMBEDDED_NAME = "callaudit"


@dataclass(frozen=True, slots=True)
class Database:
    """A database that can be reached. ``owner_url`` migrates; ``as_part`` is for everything else."""

    owner_url: str
    embedded: bool
    settings: Settings

    def as_part(self, part: Part) -> str:
        """Give the connection string of a part's own role.

        With only ``DATABASE_URL`` given, the session is the owner's and steps down to the role: a guard against
        mistakes, not against an intruder; ``serve`` warns about it.
        """
        own = getattr(self.settings, f"callaudit_{part}_database_url", None)
        role = f"{self.settings.callaudit_role_prefix}_{part}"
        if own is not None:
            return own
        if self.embedded:
            return conninfo.make_conninfo(self.owner_url, user=role)
        return conninfo.make_conninfo(self.owner_url, options=f"-c role={role}")

    def steps_down(self, part: Part) -> bool:
        """Tell whether a part would run on the owner's own login."""
        return not self.embedded and getattr(self.settings, f"callaudit_{part}_database_url", None) is None

    def migrate(self, **options: Any) -> None:
        """Bring the schema to the newest revision."""
        migrations.upgrade(self.owner_url, role_prefix=self.settings.callaudit_role_prefix, **options)


@contextmanager
def opened(settings: Settings) -> Generator[Database]:
    """Give the database of the settings; the embedded one runs at least as long as the block."""
    if settings.database_url is not None:
        yield Database(settings.database_url, embedded=False, settings=settings)
        return
    with postgres.embedded(settings.home) as server:
        _create(server.url(dbname="postgres"))
        yield Database(server.url(dbname=EMBEDDED_NAME), embedded=True, settings=settings)


def _create(url: str) -> None:
    there_already = psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation
    with psycopg.connect(url, autocommit=True) as connection, suppress(*there_already):
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(EMBEDDED_NAME)))
