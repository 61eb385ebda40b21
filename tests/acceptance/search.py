"""Looks for a secret wherever a database may have written it: in any column of any table, and in its files."""

from contextlib import suppress

import httpx
import orjson
import psycopg
from psycopg import sql

from callaudit.postgres import Running
from tests.conftest import Database
from tests.integration.store import log


def columns_with(database: Database, secret: str) -> list[str]:
    """Name the columns, of any table, that hold the secret in any spelling."""
    hex_form = secret.encode().hex()
    escaped = orjson.dumps(secret).decode().strip('"').replace("/", "\\/")
    quoted = str(httpx.QueryParams({"x": secret})).removeprefix("x=")
    with psycopg.connect(database.url) as connection:
        return [
            ".".join(names)
            for names in connection.execute(_COLUMNS).fetchall()
            if connection.execute(
                sql.SQL("SELECT bool_or({}::text LIKE ANY(%s)) FROM {}").format(
                    sql.Identifier(names[2]), sql.Identifier(names[0], names[1])
                ),
                [[f"%{each}%" for each in (secret, hex_form, escaped, quoted, quoted.encode().hex())]],
            ).fetchone()
            == (True,)
        ]


_COLUMNS = """
    SELECT table_schema, table_name, column_name
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
"""


def contents_of(cluster: Running, database: Database, first_wal: str) -> dict[str, bytes]:
    """Give the files of a database, of the write-ahead log since a segment, and of the server's own log, by name."""
    last_wal = log.value(database, "SELECT pg_walfile_name(pg_current_wal_lsn())")
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    number = log.value(database, "SELECT oid FROM pg_database WHERE datname = current_database()")
    wal = [file for file in (cluster.data / "pg_wal").iterdir() if first_wal <= file.name <= last_wal]
    contents: dict[str, bytes] = {}
    for path in [*(cluster.data / "base" / str(number)).iterdir(), *wal, cluster.log]:
        with suppress(FileNotFoundError):  # Postgres replaces what it caches for itself
            contents[str(path)] = path.read_bytes()
    return contents
