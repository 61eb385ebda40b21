"""The double's state: the calls it has, what it was asked, and what it did, which is the truth to compare with.

Each method may be called from any thread. ``reply`` decides on a request and hands webhooks to ``post``;
it does no I/O itself.
"""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib import parse

import orjson

from calls import instants
from calls.instants import SECOND, Instant
from simulator.identities import Identities
from simulator.upstream import acts
from simulator.upstream.acts import Act, Answer, Told, World
from simulator.upstream.faults import Fault, Faults
from simulator.upstream.lines import Line
from simulator.webhooks import Webhook

COMMAND_ID_US = 60 * SECOND
"""An equal command_id for the same call is ignored for so long."""

_CALLS = "/v2/calls/"


@dataclass(frozen=True, slots=True)
class Done:
    """One command as it came: to the byte, when, what was answered (None: nothing), and whether it was carried out."""

    call_control_id: str
    action: str
    body: bytes
    at: Instant
    status: int | None
    done: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """How to answer: ``answer`` None closes the connection without a byte; ``after_seconds`` is how late."""

    answer: Answer | None
    after_seconds: float = 0.0


@dataclass(slots=True)
class Double:
    """``post`` takes each webhook in order; ``api_key`` is the only one that opens; ``commands`` grows as they come."""

    now: Callable[[], Instant]
    api_key: str = "KEY-of-the-double"
    faults: Faults = field(default_factory=Faults)
    world: World = field(default_factory=World)
    seed: int = 1
    post: Callable[[Webhook], None] = lambda _: None
    lines: dict[str, Line] = field(default_factory=dict[str, Line])
    commands: list[Done] = field(default_factory=list[Done])
    _known: dict[tuple[str, str], Instant] = field(default_factory=dict[tuple[str, str], Instant])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _names: Identities = field(init=False)

    def __post_init__(self) -> None:
        """Make ids from the seed."""
        self._names = Identities(random.Random(self.seed))  # noqa: S311 -- made to be foreseen

    def begin(self) -> Line:
        """Let a call come in and be answered; gives it."""
        with self._lock:
            name, now = self._names, self.now()
            line = Line(
                call_control_id=name.control_id(),
                call_leg_id=name.leg_id(now),
                call_session_id=name.leg_id(now),
                connection_id=name.connection_id(),
                from_number=name.number(),
                to_number=name.number(),
            )
            self.lines[line.call_control_id] = line
            self._tell(line, (("call.initiated", {"direction": "incoming", "state": "parked"}), ("call.answered", {})))
            return line

    def hang_up(self, call_control_id: str) -> None:
        """End a call."""
        with self._lock:
            self.lines[call_control_id], webhooks = acts.hung_up(self.lines[call_control_id])
            self._tell(self.lines[call_control_id], webhooks)

    def reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer a request; header names in lower case."""
        if headers.get("authorization") != f"Bearer {self.api_key}":
            return Reply(acts.error(401, "10009", "Authentication failed"))
        path, _, query = target.partition("?")
        if method == "GET" and path == "/v2/call_events":
            return Reply(self._call_events(dict(parse.parse_qsl(query))))
        rest, _, action = parse.unquote(path.removeprefix(_CALLS)).partition("/actions/")
        if not path.startswith(_CALLS) or not action:
            return Reply(acts.error(404, "10005", "Resource not found"))
        if method != ("PUT" if action == "client_state_update" else "POST"):
            return Reply(acts.error(405, "10030", "Method not allowed"))
        with self._lock:
            return self._command(rest, action, body)

    def _command(self, control_id: str, action: str, body: bytes) -> Reply:
        fault = self.faults.next()
        refusal = _REFUSALS.get(fault)
        made = refusal or self._carried_out(control_id, action, body, twice=fault is Fault.DUPLICATED)
        answer, done = (made.answer, made.done) if isinstance(made, Act) else (made, False)
        if done and fault in {Fault.LOST, Fault.ERROR_AFTER}:
            answer = None if fault is Fault.LOST else _BROKEN
        self.commands.append(Done(control_id, action, body, self.now(), answer and answer.status, done))
        return Reply(answer, self.faults.delay_seconds if fault is Fault.DELAYED else 0.0)

    def _carried_out(self, control_id: str, action: str, body: bytes, *, twice: bool) -> Act | Answer:
        made = acts.act(self.lines.get(control_id), action, body, self.world)
        if not isinstance(made, Act) or not made.done:
            return made
        if self._is_known(control_id, body):
            return acts.OK
        self.lines[control_id] = made.line
        self._tell(made.line, made.webhooks, twice=twice)
        return made

    def _is_known(self, control_id: str, body: bytes) -> bool:
        """Tell whether the command_id was used for the call within a minute; note it."""
        named = orjson.loads(body or b"{}").get("command_id")
        if named is None:
            return False
        before = self._known.get((control_id, named))
        known = before is not None and self.now() - before < COMMAND_ID_US
        if not known:
            self._known[control_id, named] = self.now()
        return known

    def _tell(self, line: Line, webhooks: tuple[Told, ...], *, twice: bool = False) -> None:
        for event_type, fields in webhooks:
            at = self.now()
            data = {
                "event_type": event_type,
                "id": self._names.event_id(),
                "occurred_at": instants.to_text(at),
                "payload": line.payload(event_type, **fields),
                "record_type": "event",
            }
            for _ in range(2 if twice else 1):
                self.post(Webhook(event_type, at, data))

    def _call_events(self, asked: Mapping[str, str]) -> Answer:
        """List the commands that were carried out, as ``GET /v2/call_events`` does."""
        with self._lock:
            rows = [_listed(self.lines[each.call_control_id], each) for each in self.commands if each.done]
        of_leg = asked.get("filter[leg_id]")
        data = [row for row in rows if of_leg in {None, row["call_leg_id"]}]
        if asked.get("filter[type]", "command") != "command":
            data = []
        meta = {"page_number": 1, "page_size": len(data), "total_pages": 1, "total_results": len(data)}
        return Answer(200, orjson.dumps({"data": data, "meta": meta}))


_BROKEN = acts.error(500, "10007", "Unexpected error")
_REFUSALS = {
    Fault.REFUSED: acts.error(422, "90018", "Call has already ended"),
    Fault.RATE_LIMITED: acts.error(429, "10011", "Too many requests"),
    Fault.ERROR_BEFORE: _BROKEN,
}


def _listed(line: Line, command: Done) -> dict[str, Any]:
    return {
        "record_type": "call_event",
        "call_leg_id": line.call_leg_id,
        "call_session_id": line.call_session_id,
        "event_timestamp": instants.to_text(command.at),
        "metadata": {},
        "name": command.action,
        "type": "command",
    }
