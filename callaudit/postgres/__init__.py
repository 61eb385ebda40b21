"""Our own Postgres where none is given: found, made, started and stopped for a home directory.

    with postgres.embedded(home) as server:
        psycopg.connect(server.url(user="callaudit", dbname="postgres"))

One server a home, shared by every process that uses it; the last to leave stops it, however it leaves.
Linux and macOS. Databases, roles and schemas are left to others.
"""

from callaudit.postgres.cluster import Running, embedded, ensure
from callaudit.postgres.errors import (
    BinariesMissing,
    EmbeddedPostgresError,
    HomeUnusable,
    OtherMajor,
    RootRefused,
    StartFailed,
)

__all__ = [
    "BinariesMissing",
    "EmbeddedPostgresError",
    "HomeUnusable",
    "OtherMajor",
    "RootRefused",
    "Running",
    "StartFailed",
    "embedded",
    "ensure",
]
