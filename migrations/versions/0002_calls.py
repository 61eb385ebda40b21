"""The read models: schema ``calls``, folded from the log and public to analysts."""

from alembic import context, op

import migrations
from migrations import roles

revision = "0002_calls"
down_revision = "0001_log"


def upgrade() -> None:
    """Create schema ``calls`` and the projector's own tables as the owner role."""
    prefix = context.config.attributes.get("role_prefix", migrations.ROLE_PREFIX_DEFAULT)
    names = roles.names(prefix)
    migrations.run_as(op.get_bind(), names["owner"], migrations.sql(revision, **names))


def downgrade() -> None:
    """Read models are made again from the log: restore nothing, run ``callaudit rebuild``."""
    raise RuntimeError("migrations only go forward")
