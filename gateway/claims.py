"""Once, and with one answer: who asks for the same command again gets, or waits for, what came of the first.

The same command is one with the same ``Idempotency-Key`` (for a day), or the same ``command_id`` for the same call (for
a minute, as Telnyx has it), or an SDK's own repeat of the same request (for a minute). Each is claimed, durably, before
anything is sent; where Postgres cannot say whether it was, nothing is.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import orjson
import psycopg
from psycopg_pool import AsyncConnectionPool

from gateway.upstream import Answer
from store import statements

LOOK_SECONDS = 0.05

Pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]


@dataclass(frozen=True, slots=True)
class Name:
    """One thing by which a command is known again, for a time: a keyed hash, for it may hold what is secret.

    ``anew``: it is a first request, which takes the name over from an equal one: commands may be meant twice.
    """

    value: bytes = field(repr=False)
    lasts: timedelta
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A command that was claimed before. Without an ``answer`` it is under way, or whoever sent it died."""

    fingerprint: bytes = field(repr=False)
    command_id: str
    claimed_at: datetime
    answer: Answer | None = None


class Released(Exception):
    """What was claimed before was not done after all, and may be asked for anew."""


class _Known(Exception):
    """Somebody claimed it before."""

    def __init__(self, claim: Claim) -> None:
        super().__init__()
        self.claim = claim


@dataclass(frozen=True, slots=True)
class Claims:
    """The table ``gateway.claims``. ``seal`` and ``unseal`` keep answers unreadable in the database."""

    pool: Pool
    seal: Callable[[bytes], bytes]
    unseal: Callable[[bytes], bytes]

    async def claim(self, names: Sequence[Name], fingerprint: bytes, command_id: str) -> Claim | None:
        """Claim a command by all its names, or give the one that has one of them. Raises psycopg.Error."""
        try:
            async with self.pool.connection() as connection, connection.transaction():
                for name in sorted(names, key=lambda each: each.value):  # in one order: nobody waits in a circle
                    await self._take(connection, name, fingerprint, command_id)
        except _Known as known:
            return known.claim
        return None

    async def wait(self, known: Claim, names: Sequence[Name], seconds: float) -> Answer | None:
        """Wait for the answer to a command that is under way, for so long since it was claimed.

        None: none came; whoever sent it may have died, however often that is asked. Raises Released.
        """
        while True:
            async with self.pool.connection() as connection:
                found = [await self._find(connection, name) for name in names]
            same = [each for each in found if each is not None and each.command_id == known.command_id]
            if not same:
                raise Released
            if same[0].answer is not None:
                return same[0].answer
            if datetime.now(UTC) - known.claimed_at >= timedelta(seconds=seconds):
                return None
            await asyncio.sleep(LOOK_SECONDS)

    async def answered(self, command_id: str, answer: Answer) -> None:
        """Keep the answer for whoever asks again."""
        given = {"command_id": command_id, "sealed": self.seal(_written(answer))}
        await self._execute("answer_claim", given)

    async def release(self, command_id: str) -> None:
        """Let it be asked for anew: nothing was done."""
        await self._execute("release_claim", {"command_id": command_id})

    async def prune(self) -> None:
        """Forget what nobody can ask for any more."""
        await self._execute("prune_claims", {"now": datetime.now(UTC)})

    async def _execute(self, statement: str, given: dict[str, Any]) -> None:
        async with self.pool.connection() as connection:
            await connection.execute(_sql(statement), given)

    async def _take(
        self, connection: psycopg.AsyncConnection[Any], name: Name, fingerprint: bytes, command_id: str
    ) -> None:
        now = datetime.now(UTC)
        given = {"name": name.value, "fingerprint": fingerprint, "command_id": command_id, "anew": name.anew}
        taken = await connection.execute(_sql("claim"), {**given, "now": now, "expires_at": now + name.lasts})
        if await taken.fetchone() is None:
            found = await self._find(connection, name)
            raise _Known(found or Claim(fingerprint, command_id, now))

    async def _find(self, connection: psycopg.AsyncConnection[Any], name: Name) -> Claim | None:
        found = await connection.execute(_sql("find_claim"), {"name": name.value, "now": datetime.now(UTC)})
        row = await found.fetchone()
        if row is None:
            return None
        fingerprint, command_id, claimed_at, sealed = row
        return Claim(fingerprint, command_id, claimed_at, None if sealed is None else _read(self.unseal(sealed)))


def _written(answer: Answer) -> bytes:
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in answer.headers]
    return orjson.dumps([answer.status, headers]) + b"\n" + answer.body


def _read(written: bytes) -> Answer:
    head, _, body = written.partition(b"\n")
    status, headers = orjson.loads(head)
    return Answer(status, [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers], body)


def _sql(name: str) -> LiteralString:
    return statements.load("gateway", name)
