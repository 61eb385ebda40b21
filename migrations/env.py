"""Run migrations: one at a time over the whole cluster of callers, each in its own transaction."""

from typing import Any

import sqlalchemy
from alembic import context

import migrations
from projections import tables

LOCK = 0x63_61_6C_6C  # "call": any constant that nobody else takes

settings = context.config.attributes


def include_object(item: object, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    """Compare what the models say: columns, types, keys. All else (the projector's own tables, too) is the SQL's.

    So are columns that the database makes of others.
    """
    del name
    if isinstance(item, sqlalchemy.Column) and item.computed is not None:
        return False
    if kind in {"table", "column"} and other is not None:
        other.comment = None  # as read from the database: comments are for people who query it
    return kind not in {"index", "unique_constraint"} and not (kind == "table" and reflected and other is None)


def engine() -> sqlalchemy.Engine:
    """Take the caller's engine, or at a prompt the database of ``alembic -x url=postgresql://…``."""
    return settings.get("engine") or migrations.engine(context.get_x_argument(as_dictionary=True)["url"])


with engine().connect() as connection:
    connection.exec_driver_sql("SET lock_timeout = '4s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=tables.METADATA,
        include_schemas=True,
        include_object=include_object,
        include_name=lambda name, kind, _parents: kind != "schema" or name == "calls",
        transaction_per_migration=True,
        compare_server_default=False,
        version_table="callaudit_revision",  # the database may hold another program's alembic_version
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")
    connection.commit()
