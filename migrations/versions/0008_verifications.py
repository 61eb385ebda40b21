"""Verifications on record, and as of when the read models were judged."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0008_verifications"
down_revision = "0007_schedules"


def upgrade() -> None:
    """Add the table of verdicts and the projector's instant."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """A log is not undone; restore a backup beside it instead."""
    raise RuntimeError("migrations only go forward")
