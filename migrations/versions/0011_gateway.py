"""What the gateway keeps beside the log: what was sent, what waits for approval, and what keys are limited to."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0011_gateway"
down_revision = "0010_native_facts"


def upgrade() -> None:
    """Create schema ``gateway`` as the owner role, and add columns to the keys of the API."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """Refuse: who was allowed what, and what was sent, is not to be forgotten."""
    raise RuntimeError("migrations only go forward")
