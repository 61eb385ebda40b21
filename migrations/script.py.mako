"""${message}

Before you write: a table of schema `log` never loses a column or a row; a lock on a large table waits behind
readers and then blocks everybody, so add columns without defaults, constraints as NOT VALID first, and indexes
CONCURRENTLY. Old code must keep running on the new schema.
"""

from alembic import context, op

import migrations
from migrations import roles

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """${message}"""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """A log is not undone; restore a backup beside it instead."""
    raise RuntimeError("migrations only go forward")
