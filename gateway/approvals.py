"""A second person: commands that one alone may not send wait until another approves them, or for a time.

Who asked sends the same request again with ``X-Audit-Approval: <command id>``: it goes out once, if it is just what was
approved. Parameters are not kept meanwhile, only a keyed hash of the request.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from gateway.claims import Pool
from gateway.errors import Refused, refused
from gateway.record import Command
from store import statements

Decision = Literal["approved", "denied"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A command that waits, or waited, for a second person."""

    command_id: str
    key_id: str
    action: str | None
    call_control_id: str | None
    actor: str
    purpose: str | None
    asked_at: datetime
    expires_at: datetime
    decision: str | None
    decided_by: str | None
    used_at: datetime | None


class NotDecided(Exception):
    """An approval is not given: approval_unknown, approval_own, approval_decided, approval_expired."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Approvals:
    """The table ``gateway.approvals``; ``lasts`` is the time in which a command is approved and sent."""

    pool: Pool
    lasts: timedelta = timedelta(minutes=5)

    def until(self) -> datetime:
        """Say until when a command that is asked for now may be approved and sent."""
        return datetime.now(UTC) + self.lasts

    async def ask(self, command: Command, fingerprint: bytes, until: datetime) -> None:
        """Let a command wait until then."""
        now, caller = datetime.now(UTC), command.caller
        given = {
            "command_id": command.command_id,
            "key_id": caller.key_id,
            "fingerprint": fingerprint,
            "action": command.target.action,
            "call_control_id": command.target.call_control_id,
            "actor": caller.actor,
            "purpose": caller.purpose,
            "now": now,
            "expires_at": until,
        }
        async with self.pool.connection() as connection:
            await connection.execute(_sql("ask_approval"), given)

    async def decide(self, command_id: str, decision: Decision, *, actor: str, key_id: str) -> Approval:
        """Approve or deny, as somebody else than asked. Raises NotDecided."""
        now = datetime.now(UTC)
        given = {"command_id": _uuid(command_id), "decision": decision, "actor": actor, "key_id": key_id, "now": now}
        async with self.pool.connection() as connection:
            decided = await (await connection.execute(_sql("decide_approval"), given)).fetchone()
            found = await self._find(connection, command_id)
        if decided is None:
            raise _not_decided(found, actor, key_id)
        assert found is not None
        return found

    async def use(self, command_id: str, *, key_id: str, fingerprint: bytes) -> str:
        """Use an approval; gives its id in the one way it is written. Raises Refused where none is for this request."""
        given: dict[str, Any] = {"key_id": key_id, "fingerprint": fingerprint, "now": datetime.now(UTC)}
        try:
            given["command_id"] = _uuid(command_id)
        except NotDecided:
            raise _not_approved() from None
        async with self.pool.connection() as connection:
            if await (await connection.execute(_sql("use_approval"), given)).fetchone() is None:
                raise _not_approved()
        return str(given["command_id"])

    async def waiting(self) -> list[Approval]:
        """Give what waits, the oldest first."""
        async with self.pool.connection() as connection, connection.cursor(row_factory=class_row(Approval)) as cursor:
            await cursor.execute(_sql("waiting_approvals"), {"now": datetime.now(UTC)})
            return await cursor.fetchall()

    async def _find(self, connection: psycopg.AsyncConnection[Any], command_id: str) -> Approval | None:
        async with connection.cursor(row_factory=class_row(Approval)) as cursor:
            await cursor.execute(_sql("find_approval"), {"command_id": _uuid(command_id)})
            return await cursor.fetchone()


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotDecided("approval_unknown", "no command waits under this id") from None


def _not_decided(found: Approval | None, actor: str, key_id: str) -> NotDecided:
    if found is None:
        return NotDecided("approval_unknown", "no command waits under this id")
    if found.decision is not None:
        return NotDecided("approval_decided", f"it was {found.decision} by {found.decided_by} already")
    if key_id == found.key_id or actor == found.actor:
        return NotDecided("approval_own", "nobody approves what they asked for themselves")
    return NotDecided("approval_expired", "its time is over: it has to be asked for again")


def _not_approved() -> Refused:
    detail = "This approval does not exist, is not given, is used or over, or is for another request or key."
    return refused(403, "approval_refused", "10010", detail)


def _sql(name: str) -> LiteralString:
    return statements.load("gateway", name)
