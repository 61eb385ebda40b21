"""The gateway wired: its keys, its connections to the database, and the decisions of second persons over HTTP."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Any

import fastapi
import psycopg
import psycopg_pool
import structlog
from fastapi.responses import JSONResponse, Response
from psycopg_pool import AsyncConnectionPool

from access import registry
from access.errors import AccessRefused
from access.registry import Identity
from callaudit import problems
from callaudit.settings import Settings, actions
from gateway import http, record, signing
from gateway.admission import Rules
from gateway.approvals import Approval, Approvals, Decision, NotDecided
from gateway.claims import Claims, Pool
from gateway.errors import Refused, refused
from gateway.gateway import AWAY, Gateway, Log, Means
from gateway.parsing import Target
from gateway.permits import APPROVE, Permit
from gateway.record import Caller, Command
from gateway.upstream import Upstream
from ingest import addresses
from ingest.strongbox import Strongbox
from store import append, statements
from store.errors import StoreError

_logger: structlog.stdlib.BoundLogger = structlog.get_logger()

CONNECTIONS_MAX = 8
WAIT_SECONDS = 2.0
KEY_SECONDS = 5.0
"""How long a key that was checked counts as in force: as long as a revoked one may go on."""

KEYS_MAX = 1_000
PRUNE_SECONDS = 600.0
APPROVALS = "/gateway/approvals"
_DECISIONS: dict[str, Decision] = {"approve": "approved", "deny": "denied"}

_SESSION: dict[str, Any] = {"autocommit": True, "application_name": "callaudit gateway", **append.SOON}


class Gatehouse:
    """Everything of the gateway that runs in one server process. Use as an async context manager."""

    def __init__(self, settings: Settings, url: str, log: Log, box: Strongbox) -> None:
        """Take where the ingest role finds the database, the way into the log, and what seals answers."""
        self._proxies = addresses.proxies(settings.callaudit_trusted_proxies)
        self._pool: Pool = AsyncConnectionPool(
            url, kwargs=_SESSION, min_size=1, max_size=CONNECTIONS_MAX, timeout=WAIT_SECONDS, open=False
        )
        self._log = log
        self._signer = signing.opened(settings.home, box.secret_for(b"gateway"))
        self._upstream = Upstream(settings.telnyx_base_url, settings.telnyx_api_key)
        self._keyring = _Keyring(url)
        self._approvals = Approvals(self._pool, timedelta(seconds=settings.callaudit_gateway_approval_seconds))
        self._claims = Claims(self._pool, box.seal, box.open)
        means = Means(
            log=log,
            signer=self._signer,
            claims=self._claims,
            approvals=self._approvals,
            upstream=self._upstream,
            permit_of=self._keyring.permit_of,
            connection_of=self._connection_of,
            address_of=self._address_of,
            now=_now,
        )
        self.gateway = Gateway(means, _rules(settings))

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Open what is needed; what is under way is finished before it closes."""
        async with self._pool:
            await self._say_whom_to_trust()
            pruning = asyncio.create_task(self._prune(), name="prune claims")
            try:
                yield
            finally:
                await self.gateway.finish()
                pruning.cancel()
                await self._upstream.close()
                self._keyring.close()

    async def _say_whom_to_trust(self) -> None:
        try:
            await self._log.put(self._signer.trusted_event(_now()))
        except StoreError as error:  # webhooks may be taken all the same; the next start says it
            _logger.warning("trusted_key_not_recorded", reason=error.reason)

    def add_to(self, api: fastapi.FastAPI) -> None:
        """Answer whoever decides what others ask for."""
        api.get(APPROVALS, response_model=None, include_in_schema=False)(self.waiting)
        api.post(f"{APPROVALS}/{{command_id}}", response_model=None, include_in_schema=False)(self.decide)

    async def waiting(self, request: fastapi.Request) -> Response:
        """Give the commands that wait for a second person."""
        try:
            await self._approver(request)
            return JSONResponse([_said(each) for each in await self._approvals.waiting()])
        except Refused as refusal:
            return problems.problem(refusal.status, refusal.reason, refusal.faults[0].detail)
        except AWAY:
            return problems.problem(503, "log_unavailable", "the database cannot be reached now")

    async def decide(self, request: fastapi.Request, command_id: str) -> Response:
        """Approve or deny a command that somebody else asked for."""
        try:
            permit = await self._approver(request)
            decision, reason = await _decision(request)
            decided = await self._approvals.decide(command_id, decision, actor=permit.name, key_id=permit.key_id)
        except Refused as refusal:
            return problems.problem(refusal.status, refusal.reason, refusal.faults[0].detail)
        except NotDecided as error:
            status = 404 if error.reason == "approval_unknown" else 409
            return problems.problem(status, error.reason, str(error))
        except AWAY:
            return problems.problem(503, "log_unavailable", "the database cannot be reached now")
        await self._put_on_record(request, permit, decided, decision, reason)
        return JSONResponse(_said(decided))

    async def _put_on_record(
        self, request: fastapi.Request, permit: Permit, decided: Approval, decision: Decision, reason: str | None
    ) -> None:
        caller = Caller(actor=permit.name, key_id=permit.key_id, address=self._address_of(request.scope))
        target = Target("POST", "", b"", decided.call_control_id, decided.action)
        command = Command(target=target, caller=caller, command_id=decided.command_id)
        event_type = record.APPROVED if decision == "approved" else record.DENIED
        recorder = record.Recorder(self._signer)
        await self._log.put(recorder.entry(event_type, command, _now(), reason=reason, **caller.said()))

    async def _approver(self, request: fastapi.Request) -> Permit:
        permit = await self._keyring.permit_of(http.bearer(request.headers.raw))
        if not permit.may_approve():
            raise refused(403, "scope_missing", "10010", f"this API key has no scope {APPROVE}")
        return permit

    async def _connection_of(self, call_control_id: str) -> str | None:
        async with self._pool.connection() as connection:
            text = statements.load("gateway", "connection_of")
            row = await (await connection.execute(text, {"call_control_id": call_control_id})).fetchone()
        return None if row is None else row[0]

    def _address_of(self, scope: Any) -> str:
        peer = (scope.get("client") or (addresses.UNKNOWN, 0))[0]
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        return addresses.remote(peer, forwarded, self._proxies)

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_SECONDS)
            try:
                await self._claims.prune()
            except AWAY:
                continue


class _Keyring:
    """Keys that were presented, and what they are for; checked anew every few seconds."""

    def __init__(self, url: str) -> None:
        self._pool = psycopg_pool.ConnectionPool[psycopg.Connection[Any]](
            url, kwargs=_SESSION, min_size=0, max_size=2, timeout=WAIT_SECONDS, open=False
        )
        self._known: dict[bytes, tuple[float, Permit]] = {}

    def close(self) -> None:
        self._pool.close()

    async def permit_of(self, token: str | None) -> Permit:
        """Give what a token allows. Raises Refused, also where that cannot be told now."""
        digest = sha256((token or "").encode()).digest()
        checked_at, permit = self._known.get(digest, (0.0, None))
        if permit is not None and time.monotonic() - checked_at < KEY_SECONDS:
            return permit
        try:
            identity = await asyncio.to_thread(self._identify, token)
        except AccessRefused as error:
            raise refused(401, error.reason, "10009", error.detail) from error
        except AWAY as error:
            raise refused(503, "log_unavailable", "10037", "No key can be checked now.", may_repeat=True) from error
        permit = Permit(
            key_id=identity.key_id,
            name=identity.name,
            scopes=frozenset(identity.scopes),
            actions=identity.limits.actions,
            connections=identity.limits.connections,
            purpose=identity.limits.purpose,
        )
        if len(self._known) >= KEYS_MAX:
            self._known.clear()
        self._known[digest] = (time.monotonic(), permit)
        return permit

    def _identify(self, token: str | None) -> Identity:
        self._pool.open()
        with self._pool.connection() as connection:
            identity = registry.identify(connection, token)
            registry.note_use(connection, identity.key_id)
            return identity


async def _decision(request: fastapi.Request) -> tuple[Decision, str | None]:
    try:
        given = await request.json()
        decision = _DECISIONS[given["decision"]]
        reason = given.get("reason")
    except (ValueError, LookupError, TypeError, AttributeError):
        detail = 'expected {"decision": "approve" or "deny", "reason": text or null}'
        raise refused(400, "decision_refused", "10015", detail) from None
    return decision, record.text(reason if isinstance(reason, str) else None)


def _said(approval: Approval) -> dict[str, Any]:
    names = ("command_id", "action", "call_control_id", "actor", "purpose", "asked_at", "expires_at", "decision")
    given = {name: getattr(approval, name) for name in (*names, "decided_by", "used_at")}
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in given.items()}


def _rules(settings: Settings) -> Rules:
    return Rules(
        purpose_required=actions(settings.callaudit_gateway_purpose_required),
        approval_required=actions(settings.callaudit_gateway_approval_required),
        unknown_values=settings.callaudit_gateway_unknown_values,
    )


def _now() -> int:
    return time.time_ns() // 1_000
