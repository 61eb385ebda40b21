"""Native recordings as facts, and every leg on the day of its answer, else of its hangup."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0010_native_facts"
down_revision = "0009_coverage_index"


def upgrade() -> None:
    """Add a view to schema ``facts``, and replace one, as the owner role."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """Refuse: views hold nothing, and a later revision replaces them."""
    raise RuntimeError("migrations only go forward")
