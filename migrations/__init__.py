"""The database, step by step: one revision a module, its SQL in the file of the same name.

``upgrade`` brings a database to the newest revision; everything it needs to know is an argument. Alembic and SQLAlchemy
are imported when they are used: every process reads names here, and few migrate.
"""

from importlib.resources import files
from typing import TYPE_CHECKING, Any, LiteralString, cast

import psycopg

if TYPE_CHECKING:
    import sqlalchemy
    from alembic import config

ROLE_PREFIX_DEFAULT = "callaudit"
PARTITION_POSITIONS_DEFAULT = 2**20
"""Positions in one partition of ``log.events``: a complete Merkle subtree of height 20."""


def upgrade(
    url: str,
    *,
    role_prefix: str = ROLE_PREFIX_DEFAULT,
    partition_positions: int = PARTITION_POSITIONS_DEFAULT,
) -> None:
    """Migrate the database at ``url`` (as its owner) to the newest revision; already there is fine.

    ``role_prefix`` names the roles (``<prefix>_ingest`` and so on), which belong to the whole cluster.
    ``partition_positions`` is fixed by the first migration; later calls do not change it.
    """
    from alembic import command  # noqa: PLC0415

    command.upgrade(_settings(url, role_prefix, partition_positions), "head")


def engine(url: str) -> "sqlalchemy.Engine":
    """Give an engine over psycopg, for a URL or connection string of any form that libpq reads."""
    import sqlalchemy  # noqa: PLC0415

    return sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=sqlalchemy.NullPool
    )


def run_as(connection: "sqlalchemy.Connection", role: str, text: LiteralString) -> None:
    """Run SQL as the given role, within the migration's transaction."""
    driver = cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)
    connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
    driver.execute(text)  # by the driver itself: many statements, and % is no placeholder
    connection.exec_driver_sql("RESET ROLE")


def sql(revision: str, **names: str) -> LiteralString:
    """Read a revision's SQL file, with ``@name@`` replaced by checked identifiers or numbers."""
    text = (files("migrations.versions") / f"{revision}.sql").read_text(encoding="utf-8")
    for name, value in names.items():
        text = text.replace(f"@{name}@", value)
    # Packaged text and checked names: as safe as if written in the code.
    return cast("LiteralString", text)


def _settings(url: str, role_prefix: str, partition_positions: int) -> "config.Config":
    from alembic import config  # noqa: PLC0415

    settings = config.Config()
    settings.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    settings.attributes["engine"] = engine(url)
    settings.attributes["role_prefix"] = role_prefix
    settings.attributes["partition_positions"] = partition_positions
    return settings
