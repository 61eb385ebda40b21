"""Coverage reports find the few columns that they count in an index, without the rows."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0009_coverage_index"
down_revision = "0008_verifications"


def upgrade() -> None:
    """Replace the index by place, and let the view name the day of it, as the owner role."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """Refuse: views hold nothing, and a later revision replaces them."""
    raise RuntimeError("migrations only go forward")
