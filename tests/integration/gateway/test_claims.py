"""Claims in a real database: a command is one's alone, whoever asks how often and at once."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from gateway.approvals import Approvals, NotDecided
from gateway.claims import Claims, Name
from gateway.errors import Refused
from gateway.parsing import target
from gateway.record import Caller, Command
from gateway.upstream import Answer
from tests.conftest import Database

OK = Answer(200, [(b"content-type", b"application/json")], b'{"data":{"result":"ok"}}')
DAY = timedelta(days=1)


def backwards(text: bytes) -> bytes:
    """Stand for a seal: what is kept is not what was said."""
    return text[::-1]


@asynccontextmanager
async def pool(database: Database) -> AsyncGenerator["AsyncConnectionPool[psycopg.AsyncConnection]"]:
    """Connect as the server does."""
    options = {"autocommit": True}
    async with AsyncConnectionPool(database.as_part("ingest"), kwargs=options, min_size=1, max_size=8) as opened:
        yield opened


def run(database: Database, work: Callable[[Claims], Awaitable[None]]) -> None:
    """Do something with the claims of a database."""

    async def within() -> None:
        async with pool(database) as opened:
            await work(Claims(opened, backwards, backwards))

    asyncio.run(within())


def name(character: bytes = b"a", lasts: timedelta = DAY, *, anew: bool = False) -> Name:
    """Give a name."""
    return Name(character * 32, lasts, anew)


def test_of_many_at_once_one_has_it(database: Database) -> None:
    """Fifty claim the same command over eight connections; all but one hear which it was."""

    async def work(claims: Claims) -> None:
        ids = [str(uuid4()) for _ in range(50)]
        names = [name(b"a"), name(b"b")]
        found = await asyncio.gather(
            *(claims.claim(names[:: 1 if n % 2 else -1], b"f" * 32, i) for n, i in enumerate(ids))
        )
        winners = [command_id for command_id, known in zip(ids, found, strict=True) if known is None]
        assert len(winners) == 1
        assert {known.command_id for known in found if known is not None} == set(winners)

    run(database, work)


def test_whoever_comes_later_waits_for_the_first_answer(database: Database) -> None:
    """It is the same to the byte; in the database it is not readable."""

    async def work(claims: Claims) -> None:
        first = str(uuid4())
        assert await claims.claim([name()], b"f" * 32, first) is None
        known = await claims.claim([name()], b"g" * 32, str(uuid4()))
        assert known is not None
        assert (known.fingerprint, known.answer) == (b"f" * 32, None)
        waiting = asyncio.create_task(claims.wait(known, [name()], 30))
        await claims.answered(first, OK)
        assert await waiting == OK
        async with claims.pool.connection() as connection:
            (sealed,) = await (await connection.execute("SELECT answer_sealed FROM gateway.claims")).fetchone() or ()
        assert OK.body not in sealed

    run(database, work)


def test_no_answer_comes_to_a_command_whose_sender_died(database: Database) -> None:
    """Who waits is told so after a time, and it stays claimed."""

    async def work(claims: Claims) -> None:
        await claims.claim([name()], b"f" * 32, str(uuid4()))
        known = await claims.claim([name()], b"f" * 32, str(uuid4()))
        assert known is not None
        assert await claims.wait(known, [name()], 0.1) is None
        assert await claims.wait(replace(known, claimed_at=known.claimed_at - DAY), [name()], 3600) is None
        assert await claims.claim([name()], b"f" * 32, str(uuid4())) is not None

    run(database, work)


def test_what_is_released_or_over_may_be_claimed_anew(database: Database) -> None:
    """So may what a first request of an SDK repeats on purpose; a claim by two names is released by both."""

    async def work(claims: Claims) -> None:
        first = str(uuid4())
        await claims.claim([name(b"a"), name(b"b")], b"f" * 32, first)
        await claims.release(first)
        assert await claims.claim([name(b"a")], b"f" * 32, str(uuid4())) is None
        assert await claims.claim([name(b"b", -DAY)], b"f" * 32, str(uuid4())) is None
        assert await claims.claim([name(b"b")], b"f" * 32, str(uuid4())) is None
        assert await claims.claim([name(b"b", anew=True)], b"f" * 32, str(uuid4())) is None
        await claims.claim([name(b"c", -DAY)], b"f" * 32, str(uuid4()))
        await claims.prune()
        async with claims.pool.connection() as connection:
            (left,) = await (await connection.execute("SELECT count(*) FROM gateway.claims")).fetchone() or ()
        assert left == 2

    run(database, work)


def test_a_claim_that_fails_by_one_name_takes_none(database: Database) -> None:
    """A command that turns out to be a repeat leaves no trace under its other names."""

    async def work(claims: Claims) -> None:
        await claims.claim([name(b"b")], b"f" * 32, str(uuid4()))
        assert await claims.claim([name(b"a"), name(b"b")], b"f" * 32, str(uuid4())) is not None
        assert await claims.claim([name(b"a")], b"f" * 32, str(uuid4())) is None

    run(database, work)


def command(key_id: str = "k1", actor: str = "ada") -> Command:
    """Make a command that needs a second person."""
    asked = target("POST", b"/v2/calls/v3:x/actions/siprec_stop", b"")
    return Command(target=asked, caller=Caller(actor=actor, key_id=key_id, address="::1"))


def test_another_person_approves_once_and_it_is_used_once(database: Database) -> None:
    """By the key it was given to, for just that request, in time."""

    async def within() -> None:
        async with pool(database) as opened:
            approvals, asked = Approvals(opened), command()
            await approvals.ask(asked, b"f" * 32, approvals.until())
            (waiting,) = await approvals.waiting()
            assert (waiting.command_id, waiting.actor) == (asked.command_id, "ada")
            for actor, key_id in (("ada", "k2"), ("bob", "k1")):
                with pytest.raises(NotDecided, match="themselves"):
                    await approvals.decide(asked.command_id, "approved", actor=actor, key_id=key_id)
            with pytest.raises(Refused):
                await approvals.use(asked.command_id, key_id="k1", fingerprint=b"f" * 32)
            await approvals.decide(asked.command_id, "approved", actor="bob", key_id="k2")
            with pytest.raises(NotDecided) as again:
                await approvals.decide(asked.command_id, "denied", actor="eve", key_id="k3")
            assert again.value.reason == "approval_decided"
            for key_id, fingerprint in (("k2", b"f" * 32), ("k1", b"g" * 32)):
                with pytest.raises(Refused):
                    await approvals.use(asked.command_id, key_id=key_id, fingerprint=fingerprint)
            spelled = asked.command_id.upper().replace("-", "")
            assert await approvals.use(spelled, key_id="k1", fingerprint=b"f" * 32) == asked.command_id
            with pytest.raises(Refused):
                await approvals.use(asked.command_id, key_id="k1", fingerprint=b"f" * 32)
            assert await approvals.waiting() == []

    asyncio.run(within())


@pytest.mark.parametrize("which", ["nonsense", "7f2c1c9e-6a55-4c0e-9b0b-0d6e1f6f2a11"])
def test_what_nobody_asked_for_is_not_decided(database: Database, which: str) -> None:
    """An id that is none is unknown, as is one of nothing."""

    async def within() -> None:
        async with pool(database) as opened:
            with pytest.raises(NotDecided) as refused:
                await Approvals(opened).decide(which, "approved", actor="bob", key_id="k2")
            assert refused.value.reason == "approval_unknown"
            with pytest.raises(Refused):
                await Approvals(opened).use(which, key_id="k1", fingerprint=b"f" * 32)

    asyncio.run(within())


def test_denied_or_late_is_not_approved(database: Database) -> None:
    """A denial stands; one whose time is over can be neither approved nor used."""

    async def within() -> None:
        async with pool(database) as opened:
            approvals, asked, late = Approvals(opened), command(), command()
            await approvals.ask(asked, b"f" * 32, approvals.until())
            await approvals.decide(asked.command_id, "denied", actor="bob", key_id="k2")
            with pytest.raises(Refused):
                await approvals.use(asked.command_id, key_id="k1", fingerprint=b"f" * 32)
            over = Approvals(opened, timedelta(seconds=-1))
            await over.ask(late, b"f" * 32, over.until())
            with pytest.raises(NotDecided) as refused:
                await approvals.decide(late.command_id, "approved", actor="bob", key_id="k2")
            assert refused.value.reason == "approval_expired"

    asyncio.run(within())
