"""Everything that somebody with the database, as its superuser and past every trigger, may do to the log is found.

The log: 601 events in partitions of 64, checkpoints over 100, 256, 300, 512 and 600 of them. Each test changes
something in a transaction of its own, verifies as an auditor, and takes it back.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import given as examples
from hypothesis import strategies as st

from store import notes, rows, verify
from store.heads import Kept
from tests.conftest import Database
from tests.integration.store import sealed

EVENTS = 601
SIZES = (0, 100, 256, 300, 512, 600)


@pytest.fixture(scope="module")
def database(clone: Callable[..., Database]) -> Database:
    """A sealed log; its last event has no checkpoint over it yet."""
    made_ = clone(partition_positions=64)
    sealed.write(made_, [sealed.trusted(), *map(sealed.delivery, range(1, EVENTS))])
    with psycopg.connect(made_.as_part("worker")) as connection:
        sealed.seal(connection, SIZES)
    return made_


@pytest.fixture
def tampered(database: Database) -> Iterator[sealed.Connection]:
    """Give a superuser's connection whose changes nobody else sees."""
    with sealed.tampering(database) as connection:
        yield connection


@pytest.fixture(scope="module")
def last_checkpoint(database: Database) -> str:
    """Give the last checkpoint, as somebody elsewhere keeps it."""
    with psycopg.connect(database.url) as connection:
        row = connection.execute("SELECT note FROM log.checkpoints ORDER BY size DESC LIMIT 1").fetchone()
    assert row is not None
    return row[0]


def verified(connection: sealed.Connection, *, since: int = 0, **fields: Any) -> verify.Verdict:
    """Verify as an auditor."""
    connection.execute("SET LOCAL ROLE callaudit_auditor")
    verdict = verify.verify(connection, sealed.given(**fields), since=since)
    connection.execute("RESET ROLE")
    return verdict


def first_wrong(connection: sealed.Connection, **fields: Any) -> tuple[str, int] | None:
    """Verify, and give the reason and position of the first thing that is wrong."""
    found = verified(connection, **fields).first_wrong
    return None if found is None else (found.reason, found.position)


def test_clean_log_is_intact(database: Database) -> None:
    """Nothing is wrong, and every event is accounted for: verified, or masked so that nobody can."""
    with psycopg.connect(database.as_part("auditor")) as connection:
        verdict = verify.verify(connection, sealed.given())
    assert verdict.first_wrong is None
    assert (verdict.since, verdict.size, verdict.events) == (0, EVENTS, EVENTS)
    assert verdict.webhooks.verified + verdict.webhooks.not_retained == EVENTS - 1
    assert verdict.webhooks.sealed == 0
    assert [(key.label, key.vouched_by, key.verified) for key in verdict.telnyx_keys] == [
        ("live", "log", verdict.webhooks.verified)
    ]
    assert verdict.log_keys == {str(sealed.SIGNER.verifier): len(SIZES)}
    assert (verdict.checkpoints, verdict.unsealed, verdict.not_compared) == (len(SIZES), 1, 0)
    assert verdict.unguarded == []


def test_trigger_that_was_taken_down_is_named(database: Database) -> None:
    """Nothing may have been changed yet; whoever took it down could. A partition's own trigger counts too."""
    with psycopg.connect(database.url) as connection:
        connection.execute("ALTER TABLE log.events_000002 DISABLE TRIGGER append_only")
        connection.execute("ALTER TABLE log.tiles ENABLE TRIGGER append_only")  # no longer ALWAYS
        connection.execute("DROP TRIGGER append_only ON log.event_keys")
        assert verified(connection).unguarded == ["event_keys", "events_000002", "tiles"]
        connection.rollback()


BODY = "UPDATE log.events SET body = set_byte(body, 20, get_byte(body, 20) # 1) WHERE position = %s"
SIGNATURE = "UPDATE log.events SET signature = set_byte(signature, 20, get_byte(signature, 20) # 1) WHERE position = %s"
RECEIVED = "UPDATE log.events SET received_at = received_at + interval '1 microsecond' WHERE position = %s"


@pytest.mark.parametrize("position", [0, 1, 63, 64, 255, 256, 300, 599, 600])
@pytest.mark.parametrize("change", [BODY, RECEIVED])
def test_edited_byte_or_time_is_found_in_its_row(
    tampered: sealed.Connection, change: LiteralString, position: int
) -> None:
    """A bit of a body or a microsecond of a time, in the first row or the last, under a checkpoint or not yet."""
    sealed.change(tampered, change, [position])
    assert first_wrong(tampered) == ("leaf_hash_wrong", position)


@pytest.mark.parametrize("position", [1, 301, 600])
def test_edited_signature_is_found_in_its_row(tampered: sealed.Connection, position: int) -> None:
    """By the leaf hash that it is part of, and by itself."""
    sealed.change(tampered, SIGNATURE, [position])
    verdict = verified(tampered)
    assert verdict.first_wrong is not None
    assert (verdict.first_wrong.reason, verdict.first_wrong.position) == ("leaf_hash_wrong", position)
    assert verdict.wrong == {"leaf_hash_wrong": 1, "signature_wrong": 1}


@pytest.mark.parametrize("position", [1, 301, 600])
def test_edited_byte_with_its_leaf_hash_made_anew_breaks_the_signature(
    tampered: sealed.Connection, position: int
) -> None:
    """Who edits a body and makes it look hashed has no key of Telnyx's."""
    sealed.change(tampered, BODY, [position])
    rehash(tampered, position)
    assert first_wrong(tampered) == ("signature_wrong", position)


def rehash(connection: sealed.Connection, position: int) -> None:
    """Make a row's leaf hash anew."""
    (row,) = rows.at(connection, [position])
    sealed.change(connection, UPDATE_LEAF, [rows.leaf_hash_of(row), position])


UPDATE_LEAF = "UPDATE log.events SET leaf_hash = %s WHERE position = %s"


@pytest.mark.parametrize("position", [0, 150, 255, 256, 511])
def test_edited_row_with_its_leaf_hash_made_anew_is_not_the_stored_tiles(
    tampered: sealed.Connection, position: int
) -> None:
    """Where a tile is stored it says which row was another."""
    sealed.change(tampered, RECEIVED, [position])
    rehash(tampered, position)
    assert first_wrong(tampered) == ("tile_wrong", position)


@pytest.mark.parametrize(("position", "begins", "last"), [(512, 512, 599), (599, 512, 599)])
def test_edited_row_below_no_tile_is_found_between_two_checkpoints(
    tampered: sealed.Connection, position: int, begins: int, last: int
) -> None:
    """Where no tile is full yet, it is known which two checkpoints the change is between."""
    sealed.change(tampered, RECEIVED, [position])
    rehash(tampered, position)
    found = verified(tampered).first_wrong
    assert found is not None
    assert (found.reason, found.position, found.last) == ("checkpoint_root_wrong", begins, last)


def test_edited_row_with_leaf_hash_and_tiles_made_anew_breaks_the_checkpoints(tampered: sealed.Connection) -> None:
    """The first checkpoint beyond it, and each after that, has another root."""
    signed = sealed.all_of(tampered, "checkpoints")
    sealed.change(tampered, RECEIVED, [260])
    sealed.seal_anew(tampered, SIZES)
    sealed.put_back(tampered, "checkpoints", signed)
    verdict = verified(tampered)
    assert verdict.first_wrong is not None
    assert (verdict.first_wrong.reason, verdict.first_wrong.position) == ("checkpoint_root_wrong", 256)
    assert verdict.first_wrong.last == 299
    assert verdict.wrong == {"checkpoint_root_wrong": 3}


@pytest.mark.parametrize("position", [0, 130, 255, 256, 512, 599])
@pytest.mark.parametrize("with_its_key", [False, True])
def test_row_removed_from_the_middle_is_missing(tampered: sealed.Connection, position: int, with_its_key: bool) -> None:
    """Its position is named; what comes after it is not called wrong."""
    sealed.change(tampered, "DELETE FROM log.events WHERE position = %s", [position])
    if with_its_key:
        sealed.change(tampered, "DELETE FROM log.event_keys WHERE position = %s", [position])
    verdict = verified(tampered)
    assert verdict.first_wrong is not None
    assert (verdict.first_wrong.reason, verdict.first_wrong.position) == ("position_missing", position)
    assert set(verdict.wrong) <= {"position_missing", "key_unknown"}  # the first row is the one that names the key
    assert verdict.not_compared == (0 if position < 512 else 1)


def test_row_removed_and_the_rest_moved_up_is_not_the_stored_tiles(tampered: sealed.Connection) -> None:
    """Positions without a gap do not help: each row is then another's leaf."""
    (end,) = tampered.execute("SELECT max(position) + 1 FROM log.events").fetchone() or (0,)
    for table in ("events", "event_keys"):
        sealed.change(tampered, "DELETE FROM {} WHERE position = 130", table=table)
        for position in range(131, end):  # one by one: a unique position is checked row by row, in any order
            moved = "UPDATE {} SET position = position - 1 WHERE position = %s"
            sealed.change(tampered, moved, [position], table=table)
    assert first_wrong(tampered) == ("tile_wrong", 130)


def cut(connection: sealed.Connection, size: int) -> None:
    """Cut the tail off, with everything in the database that speaks of it."""
    sealed.change(connection, "DELETE FROM log.events WHERE position >= %s", [size])
    sealed.change(connection, "DELETE FROM log.event_keys WHERE position >= %s", [size])
    connection.execute("DELETE FROM log.checkpoints WHERE size > %s", [size])
    connection.execute("DELETE FROM log.tiles WHERE (index + 1) * 256 ^ (level + 1) > %s", [size])


@pytest.mark.parametrize("size", [599, 550, 512, 257, 256, 99, 0])
def test_tail_cut_off_with_its_checkpoints_is_found_by_a_checkpoint_kept_elsewhere(
    tampered: sealed.Connection, last_checkpoint: str, size: int
) -> None:
    """The first position that is missing is named; without the copy nothing in the database can tell."""
    cut(tampered, size)
    alone = verified(tampered)
    assert alone.first_wrong is None
    assert alone.kept == []
    assert first_wrong(tampered, checkpoints=[Kept("elsewhere", last_checkpoint)]) == ("log_behind_checkpoint", size)


@pytest.mark.parametrize(
    ("left", "reason"),
    [("event_keys", "position_missing"), ("tiles", "position_missing"), ("checkpoints", "log_behind_checkpoint")],
)
def test_tail_cut_off_without_all_that_speaks_of_it_is_found(
    tampered: sealed.Connection, left: str, reason: str
) -> None:
    """A key, a tile or a checkpoint that is forgotten shows how long the log was."""
    kept = sealed.all_of(tampered, left)
    cut(tampered, 200)
    sealed.put_back(tampered, left, kept)
    assert first_wrong(tampered) == (reason, 200)


@pytest.mark.parametrize(("one", "other"), [(10, 11), (10, 400), (255, 256)])
@pytest.mark.parametrize("with_their_keys", [False, True])
def test_swapped_rows_are_found(tampered: sealed.Connection, one: int, other: int, with_their_keys: bool) -> None:
    """Each is a good row by itself, and the wrong leaf; the first of the two is named."""
    sealed.swap(tampered, one, other)
    if with_their_keys:
        moved: LiteralString = "UPDATE log.event_keys SET position = %s - position WHERE position = ANY(%s)"
        sealed.change(tampered, moved, [one + other, [one, other]])
    assert first_wrong(tampered) == ("tile_wrong" if with_their_keys else "event_key_wrong", one)


def test_swapped_rows_below_no_tile_are_found_by_their_keys_or_between_checkpoints(tampered: sealed.Connection) -> None:
    """Where no tile is full yet, the keys name the row; moved along, they leave the two checkpoints around it."""
    sealed.swap(tampered, 520, 521)
    assert first_wrong(tampered) == ("event_key_wrong", 520)
    sealed.change(tampered, "UPDATE log.event_keys SET position = 1041 - position WHERE position IN (520, 521)")
    assert first_wrong(tampered) == ("checkpoint_root_wrong", 512)


def test_log_signed_anew_with_its_own_key_is_found_by_a_checkpoint_kept_elsewhere(
    tampered: sealed.Connection, last_checkpoint: str
) -> None:
    """Who has the database and the key can make another log, and not one that a copy agrees with."""
    sealed.change(tampered, RECEIVED, [150])
    sealed.seal_anew(tampered, SIZES)
    assert first_wrong(tampered) is None
    found = verified(tampered, checkpoints=[Kept("elsewhere", last_checkpoint)]).first_wrong
    assert found is not None
    assert (found.reason, found.position, found.last) == ("checkpoint_root_wrong", 0, 599)


def test_log_signed_anew_with_another_key_is_found(tampered: sealed.Connection) -> None:
    """Under the same name, and under one of its own."""
    sealed.change(tampered, RECEIVED, [150])
    sealed.seal_anew(tampered, SIZES, notes.Signer(sealed.SIGNER.name, bytes(32)))
    assert first_wrong(tampered) == ("checkpoint_signature_wrong", 0)
    sealed.seal_anew(tampered, SIZES, notes.Signer("callaudit/fedcba9876543210", bytes(32)))
    assert first_wrong(tampered) == ("checkpoint_key_unknown", 0)


def test_checkpoint_forged_by_name_only_is_found(tampered: sealed.Connection) -> None:
    """A note that is none, or is filed under another size, is no checkpoint."""
    sealed.change(tampered, "UPDATE log.checkpoints SET note = 'x' WHERE size = 300")
    assert first_wrong(tampered) == ("checkpoint_malformed", 300)
    tampered.rollback()
    sealed.unguard(tampered)
    sealed.change(tampered, "UPDATE log.checkpoints SET size = 301 WHERE size = 300")
    assert first_wrong(tampered) == ("checkpoint_malformed", 301)


@pytest.mark.parametrize(
    ("level", "index", "byte", "position"), [(0, 0, 0, 0), (0, 0, 150 * 32 + 5, 150), (0, 1, 8191, 511)]
)
def test_edited_tile_is_found(tampered: sealed.Connection, level: int, index: int, byte: int, position: int) -> None:
    """By the position whose hash it is."""
    change: LiteralString = (
        "UPDATE log.tiles SET hashes = set_byte(hashes, %s, get_byte(hashes, %s) # 1) WHERE level = %s AND index = %s"
    )
    sealed.change(tampered, change, [byte, byte, level, index])
    assert first_wrong(tampered) == ("tile_wrong", position)


def test_missing_tile_is_found(tampered: sealed.Connection) -> None:
    """Proofs could not be served any more."""
    sealed.change(tampered, "DELETE FROM log.tiles WHERE index = 1")
    assert first_wrong(tampered) == ("tile_missing", 256)


@pytest.mark.parametrize("position", [0, 300, 600])
def test_removed_or_doubled_or_edited_key_is_found(tampered: sealed.Connection, position: int) -> None:
    """Without its key an event could be stored twice; with one too many another could not be stored."""
    sealed.change(tampered, "DELETE FROM log.event_keys WHERE position = %s", [position])
    assert first_wrong(tampered) == ("event_key_missing", position)
    tampered.execute("INSERT INTO log.event_keys VALUES (7, '\\x00', %s)", [position])
    assert first_wrong(tampered) == ("event_key_wrong", position)


def test_key_of_no_row_is_found(tampered: sealed.Connection) -> None:
    """It says that a row is gone, or keeps one from being stored."""
    tampered.execute("INSERT INTO log.event_keys VALUES (7, '\\x00', 30)")
    assert first_wrong(tampered) == ("event_key_wrong", 30)
    tampered.rollback()
    sealed.unguard(tampered)
    tampered.execute("INSERT INTO log.event_keys VALUES (7, '\\x00', 700)")
    assert first_wrong(tampered) == ("position_missing", 700)


TEXTS = (
    "event_type",
    "event_id",
    "call_session_id",
    "call_leg_id",
    "call_control_id",
    "connection_id",
    "signed_timestamp",
    "key_id",
    "source",
)
BYTES = ("body", "signature", "sealed_body", "salt", "leaf_hash", "data_hash")
INSTANTS = ("occurred_at", "received_at")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@examples(st.integers(0, EVENTS - 1), st.sampled_from((*TEXTS, *BYTES, *INSTANTS, "masked")), st.integers(0, 2**20))
def test_any_flipped_bit_is_found_in_its_row(tampered: sealed.Connection, position: int, column: str, bit: int) -> None:
    """Whatever column it is in, of whichever row; only which request brought an event is claimed by nothing."""
    with tampered.transaction(force_rollback=True):
        tampered.execute("ALTER TABLE log.events DROP CONSTRAINT source_known")
        before = tampered.execute(ROW_VALUE.format(column=column).encode(), [position]).fetchone()
        assert before is not None
        assume(before[0] not in (None, b"", ""))
        tampered.execute(ROW_CHANGE.format(column=column).encode(), [flipped(before[0], bit), position])
        found = first_wrong(tampered)
    assert found is not None
    assert found[1] == position


@pytest.mark.parametrize("column", INSTANTS)
@pytest.mark.parametrize("time", ["infinity", "-infinity", "294276-12-31", "4714-11-24 00:00+00 BC"])
def test_time_that_no_clock_shows_is_found_in_its_row(tampered: sealed.Connection, column: str, time: str) -> None:
    """Also where the period that is judged begins with it."""
    tampered.execute("ALTER TABLE log.events DROP CONSTRAINT instants_are_in_the_calendar")
    tampered.execute(ROW_CHANGE.format(column=column).encode(), [time, 256])
    assert first_wrong(tampered) == ("leaf_hash_wrong", 256)
    assert first_wrong(tampered, since=256) == ("leaf_hash_wrong", 256)


@pytest.mark.parametrize("column", ["source", "received_at", "masked", "body", "salt", "leaf_hash", "data_hash"])
def test_value_that_was_taken_out_is_found_in_its_row(tampered: sealed.Connection, column: str) -> None:
    """Who can change a row can also allow nothing to stand where something must."""
    tampered.execute(f"ALTER TABLE log.events ALTER COLUMN {column} DROP NOT NULL".encode())
    tampered.execute(ROW_CHANGE.format(column=column).encode(), [None, 300])
    found = first_wrong(tampered)
    assert found is not None
    assert found[1] == 300


@pytest.mark.parametrize("position", [0, 100, 255, 600])
def test_second_row_at_a_position_is_found(tampered: sealed.Connection, position: int) -> None:
    """Wherever it lies: between two tiles, or after the last row."""
    tampered.execute("ALTER TABLE log.events DROP CONSTRAINT position_taken_once")
    tampered.execute("INSERT INTO log.events SELECT * FROM log.events WHERE position = %s", [position])
    assert first_wrong(tampered) is not None


ROW_VALUE = "SELECT {column} FROM log.events WHERE position = %s"
ROW_CHANGE = "UPDATE log.events SET {column} = %s WHERE position = %s"


def flipped(value: Any, bit: int) -> Any:
    """Flip a bit of a value; a text stays one, a time is moved by a power of two of microseconds."""
    match value:
        case bool():
            return not value
        case bytes():
            at = bit % (len(value) * 8)
            return bytes(byte ^ (1 << at % 8) if n == at // 8 else byte for n, byte in enumerate(value))
        case str():
            at = bit % (len(value) * 4)  # of the lower half of a character: what comes out is one
            return "".join(chr(ord(each) ^ (1 << at % 4)) if n == at // 4 else each for n, each in enumerate(value))
        case _:
            return value + timedelta(microseconds=1 << bit % 40)


def test_verification_that_was_stopped_leaves_nothing_behind(tampered: sealed.Connection) -> None:
    """What was asked for ahead is dropped, and the next one on the same connection starts anew."""

    def stop(done: int, _size: int) -> None:
        raise KeyboardInterrupt(done)

    tampered.execute("SET LOCAL ROLE callaudit_auditor")
    with pytest.raises(KeyboardInterrupt, match=r"^256$"):
        verify.verify(tampered, sealed.given(), progress=stop)
    assert verified(tampered).first_wrong is None


def test_connection_that_is_cut_ends_the_verification(database: Database) -> None:
    """With an error, not with a verdict over what was read until then."""

    def cut_off(done: int, _size: int) -> None:
        if done == 256:
            with psycopg.connect(database.url) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])

    with psycopg.connect(database.as_part("auditor")) as connection, pytest.raises(psycopg.OperationalError):
        verify.verify(connection, sealed.given(), progress=cut_off)


@pytest.mark.parametrize("since", [0, 1, 255, 256, 300, 512, 600, 601, 10_000])
def test_verification_from_a_position_on_rests_on_stored_hashes_before_it(
    tampered: sealed.Connection, since: int
) -> None:
    """It begins with a tile, under the last checkpoint; what is wrong before it is not seen, and after it is."""
    sealed.change(tampered, BODY, [10])
    begins = min(since, 600) // 256 * 256
    verdict = verified(tampered, since=since)
    assert (verdict.since, verdict.events) == (begins, EVENTS - begins)
    assert (verdict.first_wrong is None) == (begins > 10)
    sealed.change(tampered, RECEIVED, [599])
    found = verified(tampered, since=since).first_wrong
    assert found is not None
    assert found.position == (599 if begins > 10 else 10)


def test_stored_hashes_before_are_proven_by_the_checkpoints_after(tampered: sealed.Connection) -> None:
    """A tile that is another, or is gone, is found though its rows are not read."""
    sealed.change(tampered, "UPDATE log.tiles SET hashes = set_byte(hashes, 7, 1) WHERE index = 0")
    assert verified(tampered, since=512).first_wrong is not None
    sealed.change(tampered, "DELETE FROM log.tiles WHERE index = 0")
    sealed.change(tampered, "DELETE FROM log.events WHERE position = 3")
    found = verified(tampered, since=512).first_wrong
    assert found is not None
    assert found.reason in {"tile_missing", "position_missing"}


def test_forged_key_event_is_found(tampered: sealed.Connection) -> None:
    """One that names another key for a known id, or was edited to name another one."""
    forged = sealed.trusted(public_key=sealed.STRANGER.public).body
    sealed.change(tampered, "UPDATE log.events SET body = %s WHERE position = 0", [forged])
    assert first_wrong(tampered) == ("leaf_hash_wrong", 0)
    rehash(tampered, 0)
    verdict = verified(tampered)
    assert verdict.first_wrong is not None
    assert (verdict.first_wrong.reason, verdict.first_wrong.position) == ("key_event_wrong", 0)
    assert verdict.wrong["key_unknown"] > 500
    sealed.change(
        tampered, "UPDATE log.events SET body = %s WHERE position = 0", [sealed.trusted(sealed.STRANGER).body]
    )
    rehash(tampered, 0)
    assert first_wrong(tampered, since=512) == ("tile_wrong", 0)


def test_stranger_whom_the_log_was_made_to_trust_is_told_apart_by_a_key_from_outside(
    clone: Callable[..., Database],
) -> None:
    """Who may append can forge a key and a webhook; the log then says whose word its signatures rest on."""
    made_ = clone()
    forged = sealed.delivery(2, key=sealed.STRANGER)
    sealed.write(made_, [sealed.trusted(), sealed.delivery(1), sealed.trusted(sealed.STRANGER, "new"), forged])
    with psycopg.connect(made_.url) as connection:
        sealed.seal(connection, [4])
        alone = verified(connection)
        assert alone.first_wrong is None
        assert [(key.label, key.vouched_by, key.verified) for key in alone.telnyx_keys] == [
            ("live", "log", 1),
            ("new", "log", 1),
        ]
        beside = verified(connection, telnyx_keys=[sealed.telnyx_key()])
        assert [(key.label, key.vouched_by) for key in beside.telnyx_keys] == [("given", "option"), ("new", "log")]
        outside = {"telnyx_keys": [sealed.telnyx_key()], "log_may_name_keys": False}
        assert first_wrong(connection, **outside) == ("key_unknown", 3)


def test_key_that_is_named_after_its_first_event_explains_it(clone: Callable[..., Database]) -> None:
    """Events from the spool may stand before the one that names their key."""
    made_ = clone()
    sealed.write(made_, [sealed.delivery(1), sealed.trusted(), sealed.delivery(2)])
    with psycopg.connect(made_.as_part("auditor")) as connection:
        verdict = verify.verify(connection, sealed.given())
    assert verdict.first_wrong is None
    assert verdict.webhooks.verified == 2


def test_sealed_copy_is_checked_where_its_key_is_at_hand(tampered: sealed.Connection) -> None:
    """Gone, not to be opened, or of another event; without the key it is counted as not checkable here."""
    position = 10 + 11 * 5
    sealed.change(tampered, "UPDATE log.events SET sealed_body = sealed_body || 'x' WHERE position = %s", [position])
    assert first_wrong(tampered) == ("sealed_body_wrong", position)
    assert first_wrong(tampered, open_sealed=None) is None
    other = sealed.BOX.seal(b"of another event")
    sealed.change(tampered, "UPDATE log.events SET sealed_body = %s WHERE position = %s", [other, position])
    assert first_wrong(tampered) == ("sealed_body_wrong", position)
    sealed.change(tampered, "UPDATE log.events SET sealed_body = NULL WHERE position = %s", [position])
    assert first_wrong(tampered) == ("sealed_body_missing", position)
    assert first_wrong(tampered, open_sealed=None) == ("sealed_body_missing", position)


def test_signature_removed_with_its_leaf_hash_made_anew_is_missing(tampered: sealed.Connection) -> None:
    """Only what was masked may be without one."""
    sealed.change(tampered, "UPDATE log.events SET signature = NULL WHERE position = 600")
    rehash(tampered, 600)
    assert first_wrong(tampered) == ("signature_missing", 600)


@pytest.mark.parametrize(
    "claim",
    [
        "UPDATE log.events SET signature = NULL, body = %s, masked = true WHERE position = 600",
        "UPDATE log.events SET signature = NULL, body = %s, source = 'gateway' WHERE position = 600",
        "UPDATE log.events SET signature = NULL, body = %s, source = 'backfill' WHERE position = 600",
        "UPDATE log.events SET signature = NULL, body = %s, source = 'system' WHERE position = 600",
    ],
    ids=["masked", "gateway", "backfill", "system"],
)
def test_event_that_nobody_signed_is_found_whatever_it_claims_to_be(
    tampered: sealed.Connection, claim: LiteralString
) -> None:
    """Masked with nothing masked in it, from elsewhere, or the program's own of a kind that it never says."""
    sealed.change(tampered, claim, [b'{"data":{"id":"invented","event_type":"call.hangup"}}'])
    rehash(tampered, 600)
    assert first_wrong(tampered, data_hash_of=None) == ("signature_missing", 600)


def test_columns_not_read_from_the_body_are_found_where_data_is_hashed(tampered: sealed.Connection) -> None:
    """A body put under another event's data hash, with key and leaf hash made anew."""
    sealed.change(tampered, "UPDATE log.events SET data_hash = sha256('x') WHERE position = 600")
    (row,) = rows.at(tampered, [600])
    sealed.change(tampered, "UPDATE log.event_keys SET key = %s WHERE position = 600", [rows.key_of(row)[2]])
    assert first_wrong(tampered) == ("data_hash_wrong", 600)
    assert first_wrong(tampered, data_hash_of=None) is None
