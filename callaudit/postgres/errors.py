"""What can stand in the way of an embedded Postgres.

EmbeddedPostgresError
├── BinariesMissing   postgres_binaries_missing
├── RootRefused       postgres_root_refused
├── HomeUnusable      postgres_home_unusable
├── OtherMajor        postgres_other_major
└── StartFailed       postgres_start_failed
"""

from typing import ClassVar


class EmbeddedPostgresError(Exception):
    """Base of the tree; the message is for people and says what to do, `reason` is for programs."""

    reason: ClassVar[str] = "postgres_unavailable"


class BinariesMissing(EmbeddedPostgresError):
    """No usable `initdb` and `postgres` on this machine, or none where the caller said."""

    reason = "postgres_binaries_missing"


class RootRefused(EmbeddedPostgresError):
    """Postgres does not run as root, and nobody else is at hand to run it as."""

    reason = "postgres_root_refused"


class HomeUnusable(EmbeddedPostgresError):
    """The directory belongs to somebody else, or cannot be made, entered or named in a socket address."""

    reason = "postgres_home_unusable"


class OtherMajor(EmbeddedPostgresError):
    """The data was written by another major version of Postgres."""

    reason = "postgres_other_major"


class StartFailed(EmbeddedPostgresError):
    """`initdb` or the server ended before it could be used; the message ends with the tail of its log."""

    reason = "postgres_start_failed"
