"""Coverage: how much of each leg was recorded, the policies that judge it, the outages that excuse nobody."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0005_coverage"
down_revision = "0004_trust"


def upgrade() -> None:
    """Add coverage, policies and outages to the read models and the facts."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """A log is not undone; restore a backup beside it instead."""
    raise RuntimeError("migrations only go forward")
