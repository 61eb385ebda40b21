"""Keys in the table, as each role: the owner makes and revokes, ingest checks and may do nothing more."""

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg import errors as postgres_errors

from access import keys, registry
from access.errors import AccessRefused, KeyNotFound, KeyNotMade
from tests.conftest import Database

OTHER_SECRET = keys.make("x", ["metrics"]).token.split("_")[2]


@pytest.fixture
def owner(database: Database) -> Generator[psycopg.Connection[Any]]:
    """Connect as the owner."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("SET ROLE callaudit_owner")
        yield connection


@pytest.fixture
def ingest(database: Database) -> Generator[psycopg.Connection[Any]]:
    """Connect as the process that takes webhooks and serves /metrics."""
    with psycopg.connect(database.as_part("ingest"), autocommit=True) as connection:
        yield connection


def reason(connection: psycopg.Connection[Any], token: str | None, scope: str = "metrics") -> str:
    """Give why a token is refused."""
    with pytest.raises(AccessRefused) as refused:
        registry.check(connection, token, scope)
    return refused.value.reason


def test_a_key_opens_its_scopes_and_nothing_else(
    owner: psycopg.Connection[Any], ingest: psycopg.Connection[Any]
) -> None:
    """The token as it was shown passes; another secret, another id and another scope do not."""
    made, other = keys.make("prometheus", ["metrics"]), keys.make("auditor", ["log:read"])
    for each in (made, other):
        registry.add(owner, each)

    assert registry.check(ingest, made.token, "metrics") == made.presented.key_id
    assert reason(ingest, None) == "key_missing"
    assert reason(ingest, f"ca_{made.presented.key_id}_{OTHER_SECRET}") == "key_refused"
    assert reason(ingest, keys.make("unknown", ["metrics"]).token) == "key_refused"
    assert reason(ingest, other.token) == "scope_missing"
    mixed = f"ca_{made.presented.key_id}_{other.token.split('_')[2]}"
    assert reason(ingest, mixed) == "key_refused"


def test_a_revoked_key_is_refused_and_its_name_is_free(
    owner: psycopg.Connection[Any], ingest: psycopg.Connection[Any]
) -> None:
    """By name or by id; a second revocation changes nothing, and what never was is said so."""
    first, second = keys.make("prometheus", ["metrics"]), keys.make("prometheus", ["metrics"])
    registry.add(owner, first)
    with pytest.raises(KeyNotMade, match="prometheus") as taken:
        registry.add(owner, second)
    assert taken.value.reason == "name_taken"

    revoked = registry.revoke(owner, "prometheus")
    assert revoked.key_id == first.presented.key_id
    assert reason(ingest, first.token) == "key_refused"
    registry.add(owner, second)
    assert registry.revoke(owner, first.presented.key_id) == revoked
    assert registry.check(ingest, second.token, "metrics")
    registry.revoke(owner, second.presented.key_id)
    for unknown in ("prometheus", "nobody", ""):
        with pytest.raises(KeyNotFound):
            registry.revoke(owner, unknown)
    assert [each.revoked_at is None for each in registry.listed(owner)] == [False, False]


def test_use_is_noted_at_most_once_a_minute(owner: psycopg.Connection[Any], ingest: psycopg.Connection[Any]) -> None:
    """A key that is used often costs no write each time; what is refused is no use."""
    made = keys.make("prometheus", ["metrics"])
    registry.add(owner, made)
    reason(ingest, made.token, "log:read")
    assert registry.listed(owner)[0].last_used_at is None

    registry.check(ingest, made.token, "metrics")
    (used,) = registry.listed(owner)
    registry.check(ingest, made.token, "metrics")
    assert registry.listed(owner) == [used]
    assert used.last_used_at is not None

    owner.execute("UPDATE access.api_keys SET last_used_at = now() - interval '61 seconds'")
    registry.check(ingest, made.token, "metrics")
    assert registry.listed(owner)[0].last_used_at > used.last_used_at  # pyright: ignore[reportOptionalOperand]


def test_nothing_that_is_kept_is_the_token(owner: psycopg.Connection[Any]) -> None:
    """Who reads the whole table cannot show any of its keys."""
    made = keys.make("prometheus", ["metrics"])
    registry.add(owner, made)
    row = owner.execute("SELECT api_keys::text FROM access.api_keys").fetchone()
    assert row is not None
    assert made.presented.key_id in row[0]
    assert made.token.split("_")[2] not in row[0]


def test_only_the_owner_makes_keys_and_only_ingest_checks_them(database: Database) -> None:
    """Ingest reads and notes use; everybody else sees no key at all."""
    changes = (
        "INSERT INTO access.api_keys VALUES ('k', 'n', sha256(''), '{metrics}', now())",
        "UPDATE access.api_keys SET revoked_at = NULL",
        "UPDATE access.api_keys SET last_used_at = now()",
        "DELETE FROM access.api_keys",
        "TRUNCATE access.api_keys",
    )
    reads = ("SELECT * FROM access.api_keys", "SELECT access.note_use('k')")
    for part in ("ingest", "worker", "analyst", "auditor"):
        with psycopg.connect(database.as_part(part), autocommit=True) as connection:
            for statement in changes if part == "ingest" else changes + reads:
                with pytest.raises(postgres_errors.InsufficientPrivilege):
                    connection.execute(statement)
            if part == "ingest":
                for statement in reads:
                    connection.execute(statement)
