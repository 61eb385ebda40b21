"""How much of a long log an append touches: the end of it, however many partitions there are."""

from tests.conftest import Database
from tests.integration.store import log
from tests.unit.store import made

LOCKED = """
    SELECT relation::regclass::text FROM pg_locks
    WHERE pid = pg_backend_pid() AND relation::regclass::text ~ '^log\\.events_[0-9]+$' ORDER BY 1
"""


def test_append_touches_the_last_partitions_of_a_long_log(small_partitions: Database) -> None:
    """Claiming positions locks the partitions where the log ends, and none before them."""
    with log.appender(small_partitions) as appender:
        appender.append([made.entry(number) for number in range(64 * 12 + 5)])
        connection = appender._connection  # pyright: ignore[reportPrivateUsage] the locks are its session's
        with connection.transaction(), connection.cursor(binary=True) as cursor:
            appender._claim(cursor, [made.entry(9_999).key])  # pyright: ignore[reportPrivateUsage]
            locked = [name for (name,) in connection.execute(LOCKED)]
    assert "log.events_000012" in locked
    assert [name for name in locked if name < "log.events_000012"] == []


def test_new_writer_finds_the_end_of_a_long_log(small_partitions: Database) -> None:
    """A writer that starts later knows from its first batch on where the log ends."""
    with log.appender(small_partitions) as first:
        first.append([made.entry(number) for number in range(64 * 5)])
    with log.appender(small_partitions) as later:
        assert later._hint == 64 * 5 - 1  # pyright: ignore[reportPrivateUsage] what the plan of the next claim rests on
        assert [kept.position for kept in log.kept(later.append([made.entry(9_999)]))] == [64 * 5]
