"""The gateway as plain ASGI: ``/v2/**``, in front of Telnyx.

What only reads is passed through as it comes. Everything else goes through these steps:

1. the API key, its scopes, and what it is limited to;
2. the parameters of the eight commands, the purpose, a second person's approval; what is refused is on record too;
3. the claim: what was sent before is not sent again, but answered as it was;
4. ``requested`` and ``sent`` are on disk, else it is not sent;
5. Telnyx is asked, once;
6. ``accepted``, ``refused`` or ``in_doubt`` is on disk, and the caller has Telnyx's answer as it is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
import psycopg_pool
import structlog

from calls.instants import Instant
from gateway import admission, http, outcomes, parsing, record, repeats
from gateway.admission import Admitted, Rules
from gateway.approvals import Approvals
from gateway.claims import Claim, Claims, Name, Released
from gateway.errors import Refused, refused
from gateway.http import Receive, Request, Scope, Send
from gateway.outcomes import Outcome
from gateway.parsing import Target
from gateway.permits import Permit
from gateway.record import Caller, Command, Recorder
from gateway.signing import Signer
from gateway.upstream import ANSWER_SECONDS_DEFAULT, CONNECT_SECONDS, Answer, Headers, NoAnswer, NotSent, Upstream
from store.entry import Entry, Kept, Spooled
from store.errors import StoreError

_log: structlog.stdlib.BoundLogger = structlog.get_logger()

NAMED = b"x-audit-command-id"
"""The header by which a caller learns under which id a command is on record."""

WAIT_SECONDS = CONNECT_SECONDS + ANSWER_SECONDS_DEFAULT + 1.0
"""How long a repeat waits for the first one's answer: nobody waits for Telnyx longer."""

AWAY = (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.TooManyRequests)


class Log(Protocol):
    """Where events go: ``store.intake.Intake``."""

    async def put(self, entry: Entry) -> Kept | Spooled:
        """Keep the entry on disk and say where, or raise a StoreError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the gateway works with. ``permit_of`` raises Refused for a token that is no key in force."""

    log: Log
    signer: Signer
    claims: Claims
    approvals: Approvals
    upstream: Upstream
    permit_of: Callable[[str | None], Awaitable[Permit]]
    connection_of: Callable[[str], Awaitable[str | None]]
    address_of: Callable[[Scope], str]
    now: Callable[[], Instant]


class Gateway:
    """The ASGI application behind ``/v2/**``."""

    def __init__(self, means: Means, rules: Rules) -> None:
        self._means = means
        self._rules = rules
        self._recorder = Recorder(means.signer)
        self._under_way: set[asyncio.Task[Answer]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers: Headers = scope["headers"]
        try:
            target = parsing.target(scope["method"], scope["raw_path"], scope["query_string"])
            permit = await self._means.permit_of(http.bearer(headers))
            if not target.is_recorded:
                permit.check(target)
                await self._pass_through(target, headers, send)
                return
            request = Request(target, headers, await http.read(receive))
            command = Command(target=target, caller=self._caller(request, permit, scope))
            answer = await self._to_the_end(self._answered(request, permit, command))
        except Refused as refusal:
            answer = outcomes.answered(refusal)
        except http.Gone:
            return
        await http.write(send, answer)

    async def finish(self) -> None:
        """Wait for what is under way: its outcome belongs on the record."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _to_the_end(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Go on to the end, whoever hangs up meanwhile."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _pass_through(self, target: Target, headers: Headers, send: Send) -> None:
        upstream = self._means.upstream
        try:
            async with upstream.streaming(target.method, target.path, target.query, headers, b"") as answer:
                await http.stream(send, answer)
        except NotSent as error:
            raise outcomes.unreachable() from error
        except NoAnswer as error:
            raise refused(504, error.reason, "10007", "Telnyx did not answer.", may_repeat=True) from error

    def _caller(self, request: Request, permit: Permit, scope: Scope) -> Caller:
        return Caller(
            actor=permit.name,
            key_id=permit.key_id,
            address=self._means.address_of(scope),
            purpose=record.text(request.header(b"x-audit-purpose")) or permit.purpose,
            ticket=record.text(request.header(b"x-audit-ticket")),
            user_agent=record.text(request.header(b"user-agent")),
        )

    async def _answered(self, request: Request, permit: Permit, command: Command) -> Answer:
        """Give the answer to a command, with the id that it is on record under."""
        try:
            answer = await self._command(request, permit, command)
        except Refused as refusal:
            answer = outcomes.answered(refusal)
        return _named(answer, command.command_id)

    async def _command(self, request: Request, permit: Permit, command: Command) -> Answer:
        try:
            admitted = await admission.admit(request, permit, command.caller, self._rules, self._means.connection_of)
            names = repeats.names(self._means.signer, request, command.caller, admitted.parameters)
            said = self._asked(request, command, admitted)
            if admitted.kind in self._rules.approval_required:
                approved = request.header(b"x-audit-approval")
                if approved is None:
                    return await self._let_wait(request, command)
                command = await self._approved(request, command, approved)
                # On record once more, with what goes out: the first word of it may be lost.
                said = self._asked(request, command, admitted)
        except Refused as refusal:
            await self._record_refusal(request, command, refusal)
            raise
        except AWAY as error:
            raise _log_away() from error
        return _named(await self._once(request, command, names, said), command.command_id)

    def _asked(self, request: Request, command: Command, admitted: Admitted) -> list[Entry]:
        requested = self._recorder.requested(command, request.body, self._means.now(), admitted.warnings)
        return [requested, self._said(record.SENT, command)]

    def _said(self, event_type: str, command: Command, **more: Any) -> Entry:
        return self._recorder.entry(event_type, command, self._means.now(), **more)

    async def _once(self, request: Request, command: Command, names: Sequence[Name], said: Sequence[Entry]) -> Answer:
        """Send it, if it was not sent before and can be recorded; else give the first one's answer."""
        fingerprint = repeats.fingerprint(self._means.signer, request)
        try:
            known = await self._means.claims.claim(names, fingerprint, command.command_id)
        except AWAY as error:
            raise _log_away() from error
        if known is not None:
            return await self._again(request, known, names, command)
        try:
            await self._record(*said)
        except StoreError as error:
            await self._quietly(self._means.claims.release(command.command_id))
            # One of the two may be on record all the same, or be there later.
            told = self._said(record.REFUSED, command, by="gateway", reason="not_recorded", http_status=503)
            await self._quietly(self._record(told))
            raise _not_recorded(error) from error
        return await self._send(request, command)

    async def _send(self, request: Request, command: Command) -> Answer:
        target, upstream = command.target, self._means.upstream
        try:
            outcome = outcomes.read(
                await upstream.send(target.method, target.path, target.query, request.headers, request.body)
            )
        except NotSent:
            outcome = outcomes.not_sent()
        except NoAnswer as error:
            outcome = outcomes.unanswered(error.reason)
        await self._keep(command, outcome)
        return outcome.answer

    async def _keep(self, command: Command, outcome: Outcome) -> None:
        """Put the outcome on record, and only then keep the answer for whoever asks again."""
        claims, named = self._means.claims, command.command_id
        kept = claims.release(named) if outcome.done_nothing else claims.answered(named, outcome.answer)
        entry = self._said(outcome.event_type, command, **outcome.said)
        await self._quietly(self._record(entry))
        await self._quietly(kept)

    async def _again(self, request: Request, known: Claim, names: Sequence[Name], command: Command) -> Answer:
        """Answer a repeat as the first was answered; other parameters under the same name are refused."""
        if known.fingerprint != repeats.fingerprint(self._means.signer, request):
            detail = "This Idempotency-Key or command_id was used for another request; nothing was sent."
            conflict = refused(409, "repeat_differs", "10015", detail)
            await self._record_refusal(request, command, conflict)
            raise conflict
        try:
            answer = known.answer or await self._awaited(known, names)
        except Released as error:
            await self._record_repeat(known, command, "not_done")
            detail = "An equal request, sent before, was not done; nor was this one sent."
            raise refused(503, "first_not_done", "10037", detail, may_repeat=True) from error
        await self._record_repeat(known, command, "in_doubt" if answer is None else "first_answer")
        if answer is None:
            await self._record_death(request, known, command)
            raise outcomes.in_doubt("An equal request was sent before, and whether it was done is not known.")
        return _named(answer, known.command_id)

    async def _awaited(self, known: Claim, names: Sequence[Name]) -> Answer | None:
        try:
            return await self._means.claims.wait(known, names, WAIT_SECONDS)
        except AWAY:
            return None

    async def _record_repeat(self, known: Claim, command: Command, answered: str) -> None:
        first = Command(target=command.target, caller=command.caller, command_id=known.command_id)
        entry = self._said(record.REPEATED, first, answered=answered, **command.caller.said())
        await self._quietly(self._record(entry))

    async def _record_death(self, request: Request, known: Claim, command: Command) -> None:
        """Say what is known of a command whose sender ended in its midst: it may have been sent, and not recorded."""
        first = Command(target=command.target, caller=command.caller, command_id=known.command_id)
        requested = self._recorder.requested(first, request.body, self._means.now())
        doubt = self._said(record.IN_DOUBT, first, reason="gateway_ended", http_status=None)
        await self._quietly(self._record(requested, doubt))

    async def _record_refusal(self, request: Request, command: Command, refusal: Refused) -> None:
        first = refusal.faults[0]
        requested = self._recorder.requested(command, request.body, self._means.now())
        said = {"by": "gateway", "reason": refusal.reason, "http_status": refusal.status}
        told = self._said(record.REFUSED, command, **said, error_code=first.code, error_title=first.title)
        await self._quietly(self._record(requested, told))

    async def _approved(self, request: Request, command: Command, approval: str) -> Command:
        fingerprint = repeats.fingerprint(self._means.signer, request)
        named = await self._means.approvals.use(approval, key_id=command.caller.key_id, fingerprint=fingerprint)
        return Command(target=command.target, caller=command.caller, command_id=named)

    async def _let_wait(self, request: Request, command: Command) -> Answer:
        until = self._means.approvals.until()
        requested = self._recorder.requested(command, request.body, self._means.now())
        try:
            await self._record(requested, self._said(record.APPROVAL_REQUIRED, command, expires_at=until.isoformat()))
        except StoreError as error:
            raise _not_recorded(error) from error
        await self._means.approvals.ask(command, repeats.fingerprint(self._means.signer, request), until)
        detail = (
            f"A second person must approve it, as {command.command_id}. "
            "Then send it again with the header X-Audit-Approval; nothing was sent yet."
        )
        return outcomes.answered(refused(403, "approval_required", "10010", detail))

    async def _record(self, *entries: Entry) -> None:
        await asyncio.gather(*(self._means.log.put(entry) for entry in entries))

    async def _quietly(self, work: Awaitable[Any]) -> None:
        """Do what must not change an answer that is known: of a failure only the program's own log tells."""
        try:
            await work
        except (StoreError, *AWAY) as error:
            _log.error("command_not_recorded", error=type(error).__name__)


def _named(answer: Answer, command_id: str) -> Answer:
    """Name the command in its answer, unless an answer says already which one it is of."""
    if any(name == NAMED for name, _ in answer.headers):
        return answer
    return Answer(answer.status, [*answer.headers, (NAMED, command_id.encode())], answer.body)


def _not_recorded(error: StoreError) -> Refused:
    return refused(503, error.reason, "10037", "It cannot be recorded now, so it was not sent.", may_repeat=True)


def _log_away() -> Refused:
    detail = "Whether it was sent before cannot be told now, so it was not sent."
    return refused(503, "log_unavailable", "10037", detail, may_repeat=True)
