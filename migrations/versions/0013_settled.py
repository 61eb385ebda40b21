"""What a command came to is on record too: what is, and when it would expire."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0013_settled"
down_revision = "0012_commands"


def upgrade() -> None:
    """Add the columns as the owner role."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """Refuse: the columns would be lost."""
    raise RuntimeError("migrations only go forward")
