"""Trust: the Merkle tree and its checkpoints, heartbeats, which request brought a row, API keys, readmission."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0004_trust"
down_revision = "0003_facts"


def upgrade() -> None:
    """Add what makes the log checkable by anybody, and what notices that nobody took webhooks."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """A log is not undone; restore a backup beside it instead."""
    raise RuntimeError("migrations only go forward")
