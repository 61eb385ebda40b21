"""A log that went on under another key is verified whole: each checkpoint under its own key, in its own time."""

from collections.abc import Callable

import psycopg
import pytest

from store import notes, system, verify
from store.heads import Kept
from tests.conftest import Database
from tests.integration.store import sealed
from tests.unit.store import made

NEW = notes.Signer("callaudit/fedcba9876543210", bytes(range(1, 33)))


@pytest.fixture(scope="module")
def database(clone: Callable[..., Database]) -> Database:
    """A log sealed at 40 by its first key, and at 60 by the next; the event between stands at 45."""
    made_ = clone()
    said = {"reason": "test", "old_vkey": str(sealed.SIGNER.verifier), "new_vkey": str(NEW.verifier)}
    sealed.write(made_, [sealed.trusted(), *map(sealed.delivery, range(1, 45))])
    sealed.write(made_, [system.event(system.CONTINUED, said, made.RECEIVED_US)])
    sealed.write(made_, map(sealed.delivery, range(46, 61)))
    with psycopg.connect(made_.as_part("worker")) as connection:
        sealed.seal(connection, [40])
        sealed.seal(connection, [60], NEW)
    return made_


def wrong(connection: sealed.Connection, **fields: object) -> tuple[str, int] | None:
    """Verify, and give the first thing that is wrong."""
    found = verify.verify(connection, sealed.given(**fields)).first_wrong
    return None if found is None else (found.reason, found.position)


def test_key_of_today_vouches_for_the_ones_before(database: Database) -> None:
    """It signed the event that names them; the other way round nobody would know whose the new key is."""
    with psycopg.connect(database.as_part("auditor")) as connection:
        verdict = verify.verify(connection, sealed.given(log_keys=[NEW.verifier]))
        assert verdict.first_wrong is None
        assert verdict.log_keys == {str(NEW.verifier): 1, str(sealed.SIGNER.verifier): 1}
        assert wrong(connection) == ("checkpoint_key_unknown", 40)


def test_retired_key_vouches_for_nothing_after_its_time(database: Database) -> None:
    """It may have leaked, which is a reason to retire one."""
    with sealed.tampering(database) as connection:
        sealed.change(connection, "DELETE FROM log.checkpoints WHERE size = 60")
        both = {"log_keys": [NEW.verifier], "retired_keys": [sealed.SIGNER.verifier]}
        assert wrong(connection, **both) is None  # the new key has not sealed yet
        assert wrong(connection, log_keys=[NEW.verifier]) == ("checkpoint_key_unknown", 0)
        sealed.seal(connection, [60])
        assert wrong(connection, **both) == ("checkpoint_key_unknown", 40)


def test_stranger_who_says_to_have_been_the_key_is_not_believed(database: Database) -> None:
    """An event that no checkpoint of a given key covers, and that names nobody known, is only somebody's word."""
    stranger = notes.Signer("callaudit/1111111111111111", bytes(32))
    with sealed.tampering(database) as connection:
        sealed.change(connection, "DELETE FROM log.checkpoints")
        said = system.event(system.CONTINUED, {"old_vkey": str(stranger.verifier)}, made.RECEIVED_US)
        sealed.change(connection, "UPDATE log.events SET body = %s WHERE position = 45", [said.body])
        sealed.seal_anew(connection, [40], stranger)
        assert wrong(connection, log_keys=[NEW.verifier]) == ("checkpoint_key_unknown", 0)


@pytest.mark.parametrize("note", ["", "x", "a\nb\n\n— a b\n", "\n\n"])
def test_copy_that_is_no_checkpoint_is_said_to_be_none(database: Database, note: str) -> None:
    """Whatever is in the file."""
    with psycopg.connect(database.as_part("auditor")) as connection:
        found = wrong(connection, log_keys=[NEW.verifier], checkpoints=[Kept("there", note)])
    assert found == ("checkpoint_malformed", 0)
