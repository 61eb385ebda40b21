"""A log as it really is: signed by a key like Telnyx's, masked, sealed; and ways to tamper with it."""

import base64
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import NAMESPACE_OID, uuid5

import psycopg
from nacl.exceptions import CryptoError
from psycopg import sql

import simulator
from calls import envelope
from ingest import deliveries, keys
from ingest.strongbox import Strongbox
from store import checkpoints, notes, rows, system, telnyx_keys, tree, verify
from store.checkpoints import Checkpoint
from store.entry import Entry
from store.tiles import Builder
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.store import log as kept
from tests.unit.store import made

TELNYX = simulator.key_from_seed("verified")
STRANGER = simulator.key_from_seed("stranger")
SIGNER = notes.Signer("callaudit/0123456789abcdef", bytes(range(32)))
BOX = Strongbox(bytes(32))
SIGNED_AT = "1772366400"
TABLES = ("events", "event_keys", "redeliveries", "tiles", "checkpoints")

Connection = psycopg.Connection[Any]


def delivery(number: int, *, key: simulator.Key = TELNYX, body: bytes | None = None) -> Entry:
    """Give the entry of a webhook as ingest makes it: every seventh is masked, every eleventh has a URL sealed."""
    body = body or _body(number)
    (public,) = keys.public_keys(key.public)
    return deliveries.entry(
        deliveries.Delivery(
            delivery_id=uuid5(NAMESPACE_OID, str(number)),
            body=body,
            content_type="application/json",
            received_us=made.RECEIVED_US + number * 1_000,
            signed_timestamp=SIGNED_AT,
            signature=base64.b64decode(key.signature(SIGNED_AT, body)),
            key_id=public.key_id,
        ),
        BOX,
    )


def _body(number: int) -> bytes:
    if number % 7 == 6:
        return server.webhook(number, "call.dtmf.received", digit="5")
    if number % 11 == 10:
        url = {"mp3": f"https://recordings.example.com/{number}.mp3?token=secret"}
        return server.webhook(number, "call.recording.saved", recording_urls=url)
    return server.webhook(number)


def trusted(key: simulator.Key = TELNYX, label: str = "live", **payload: Any) -> Entry:
    """Give the event by which the log names one of Telnyx's keys."""
    (public,) = keys.public_keys(key.public)
    said = {"key_id": public.key_id, "public_key": key.public, "label": label, "valid_from": None, "valid_to": None}
    return system.event(system.KEY_TRUSTED, {**said, **payload}, made.RECEIVED_US)


def write(database: Database, entries: Iterable[Entry]) -> None:
    """Append entries as ingest does."""
    with kept.appender(database) as appender:
        kept.kept(appender.append(list(entries)))


def seal(connection: Connection, sizes: Sequence[int], signer: notes.Signer = SIGNER) -> list[str]:
    """Store the full tiles below the last of the sizes and a checkpoint for each; gives the notes."""
    hashes = tree.leaf_hashes(connection, 0, sizes[-1])
    builder = Builder()
    written: list[str] = []
    for leaf in [None, *hashes]:
        if leaf is not None:
            for tile, joined in builder.append(leaf):
                connection.execute(
                    "INSERT INTO log.tiles VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", [tile.level, tile.index, joined]
                )
        if builder.size in sizes:
            note = checkpoints.sign(Checkpoint(signer.name, builder.size, builder.root()), signer)
            connection.execute(
                "INSERT INTO log.checkpoints (size, origin, note, sealed_at) VALUES (%s, %s, %s, now())",
                [builder.size, signer.name, note],
            )
            written.append(note)
    return written


def seal_anew(connection: Connection, sizes: Sequence[int], signer: notes.Signer = SIGNER) -> list[str]:
    """Make leaf hashes, tiles and checkpoints anew over rows as they are now, as who has the log's key could."""
    unguard(connection)
    for row in [*rows.since(connection, 0)]:
        connection.execute(
            "UPDATE log.events SET leaf_hash = %s WHERE position = %s", [rows.leaf_hash_of(row), row.position]
        )
    connection.execute("DELETE FROM log.tiles")
    connection.execute("DELETE FROM log.checkpoints")
    return seal(connection, sizes, signer)


def unguard(connection: Connection) -> None:
    """Switch the triggers off that refuse changes, as only a superuser can."""
    partitions = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'log.events'::regclass"
    )
    names = [name.removeprefix("log.") for (name,) in partitions]
    for name in (*TABLES, *names):
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER append_only").format(sql.Identifier("log", name)))


@contextmanager
def connected(database: Database) -> Generator[Connection]:
    """Connect as a superuser; what is done is kept."""
    with psycopg.connect(database.url) as connection:
        yield connection


@contextmanager
def tampering(database: Database) -> Generator[Connection]:
    """Connect as a superuser with the triggers off; nothing of what is done is kept."""
    with psycopg.connect(database.url) as connection:
        unguard(connection)
        yield connection
        connection.rollback()


def change(
    connection: Connection, statement: LiteralString, parameters: Sequence[Any] = (), *, table: str = ""
) -> None:
    """Change something, having seen that it is there. ``{}`` in the statement stands for a table of the log."""
    text = sql.SQL(statement).format(sql.Identifier("log", table)) if table else sql.SQL(statement)
    assert connection.execute(text, parameters).rowcount > 0


def put_back(connection: Connection, table: str, kept: Sequence[Sequence[Any]]) -> None:
    """Fill a table of the log with the given rows and no others."""
    name = sql.Identifier("log", table)
    connection.execute(sql.SQL("DELETE FROM {}").format(name))
    for row in kept:
        values = sql.SQL(", ").join(map(sql.Literal, row))
        connection.execute(sql.SQL("INSERT INTO {} OVERRIDING SYSTEM VALUE VALUES ({})").format(name, values))


def all_of(connection: Connection, table: str) -> list[tuple[Any, ...]]:
    """Give all rows of a table of the log."""
    return connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier("log", table))).fetchall()


def swap(connection: Connection, one: int, other: int) -> None:
    """Let two rows change places."""
    both = [one, other]
    connection.execute("CREATE TEMP TABLE aside AS SELECT * FROM log.events WHERE position = ANY(%s)", [both])
    connection.execute("DELETE FROM log.events WHERE position = ANY(%s)", [both])
    connection.execute("UPDATE aside SET position = %s - position", [one + other])
    connection.execute("INSERT INTO log.events SELECT * FROM aside")
    connection.execute("DROP TABLE aside")


def given(**fields: Any) -> verify.Given:
    """Give what an auditor has: the log's key, the sealing key, and how data is hashed."""
    return verify.Given(
        **{"log_keys": [SIGNER.verifier], "open_sealed": open_sealed, "data_hash_of": data_hash_of, **fields}
    )


def telnyx_key(key: simulator.Key = TELNYX) -> telnyx_keys.TelnyxKey:
    """Give a key of Telnyx's as somebody outside would."""
    (public,) = keys.public_keys(key.public)
    return telnyx_keys.TelnyxKey(public.key_id, "given", bytes(public.verify_key), "option")


def data_hash_of(body: bytes) -> bytes:
    """Give the data hash of a body."""
    return envelope.decode(body).data_hash


def open_sealed(sealed: bytes) -> bytes | None:
    """Open a sealed body; None if it was not sealed with this key."""
    try:
        return BOX.open(sealed)
    except (CryptoError, ValueError):
        return None
