"""The facts that reports are asked of: views over ``calls`` in integers and text, as on every engine."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0003_facts"
down_revision = "0002_calls"


def upgrade() -> None:
    """Create schema ``facts`` as the owner role."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """Refuse: views hold nothing, and a later revision replaces them."""
    raise RuntimeError("migrations only go forward")
