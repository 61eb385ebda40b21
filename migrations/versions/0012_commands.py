"""Commands that went through the gateway, in the read models and as facts."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0012_commands"
down_revision = "0011_gateway"


def upgrade() -> None:
    """Create the table and replace the view as the owner role."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """Refuse: views hold nothing, and a later revision replaces them."""
    raise RuntimeError("migrations only go forward")
