"""What the remaining reports are asked of: coverage, the log's own facts without any body, commands."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0006_report_facts"
down_revision = "0005_coverage"


def upgrade() -> None:
    """Add views to schema ``facts`` as the owner role, and columns to those there are."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """Refuse: views hold nothing, and a later revision replaces them."""
    raise RuntimeError("migrations only go forward")
