"""The log: immutable events, their keys and redeliveries, the append turn, and what was refused at the door."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0001_log"
down_revision = None


def upgrade() -> None:
    """Create the roles, then the schemas ``log`` and ``intake`` as the owner role."""
    settings = context.config.attributes
    prefix = settings.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    positions = int(settings.get("partition_positions", migrations.PARTITION_POSITIONS_DEFAULT))
    connection = op.get_bind()
    roles.create(connection, prefix)
    names = roles.names(prefix)
    database = connection.exec_driver_sql("SELECT quote_ident(current_database())").scalar_one()
    connection.exec_driver_sql(f"GRANT CREATE ON DATABASE {database} TO {names['owner']}")
    connection.exec_driver_sql(
        f"GRANT CONNECT ON DATABASE {database} TO {', '.join(role for part, role in names.items() if part != 'owner')}"
    )
    connection.exec_driver_sql(f"GRANT TEMPORARY ON DATABASE {database} TO {names['worker']}")
    text = migrations.sql(revision, partition_positions=str(positions), **names)
    migrations.run_as(connection, names["owner"], text)


def downgrade() -> None:
    """A log is not undone; restore a backup beside it instead."""
    raise RuntimeError("migrations only go forward")
