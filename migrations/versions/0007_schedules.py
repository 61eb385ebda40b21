"""Schedules of reports, and a row for each run of them."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0007_schedules"
down_revision = "0006_report_facts"


def upgrade() -> None:
    """Create schema ``reports`` as the owner role."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """Refuse: what was delivered stays on record."""
    raise RuntimeError("migrations only go forward")
