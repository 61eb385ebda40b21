"""What one command does to a call, what Telnyx answers, and which webhooks follow (telnyx.md section 6).

Pure: a call and a request in; an answer, the call after it, and webhooks out. What Telnyx checks is checked here anew,
and not by what the gateway checks with: neither may lean on the other.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from simulator.upstream.lines import Line

Told = tuple[str, Mapping[str, Any]]
"""A webhook that follows: its event type, and what its payload says beside the call."""

Body = Mapping[str, Any]

_DIGITS = re.compile(r"[0-9A-D*#wW]+")
_TRACKS = ("inbound_track", "outbound_track", "both_tracks")
_DECLINED = 603


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of Telnyx; ``body`` is JSON."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Act:
    """What came of a request. ``line`` is the call after it."""

    answer: Answer
    line: Line
    webhooks: tuple[Told, ...] = ()
    done: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """What is broken outside of Telnyx: connectors without a recorder, and addresses that decline transfers."""

    broken_connectors: frozenset[str] = frozenset()
    declining: frozenset[str] = frozenset()


class _Wrong(Exception):
    def __init__(self, code: str, title: str, pointer: str | None = None) -> None:
        super().__init__(title)
        self.answer = error(422, code, title, pointer)


OK = Answer(200, b'{"data":{"result":"ok"}}')


def error(status: int, code: str, title: str, pointer: str | None = None) -> Answer:
    """Give an error in Telnyx's format; ``pointer`` is what in the request it is about."""
    told: dict[str, Any] = {"code": code, "title": title, "detail": f"{title}."}
    if pointer is not None:
        told["source"] = {"pointer": pointer}
    return Answer(status, orjson.dumps({"errors": [told]}))


def act(line: Line | None, action: str, content: bytes, world: World) -> Act | Answer:
    """Carry a command out, or say why not; an Answer alone where there is no such call or command."""
    if line is None:
        return error(422, "90015", "Invalid Call Control ID", "/call_control_id")
    if action not in _DOES:
        return error(404, "10005", "Resource not found")
    try:
        body = orjson.loads(content or b"{}")
    except orjson.JSONDecodeError:
        return Act(error(400, "10023", "Invalid JSON"), line)
    try:
        _check_call(line)
        return _done(line, action, body, world)
    except _Wrong as wrong:
        return Act(wrong.answer, line)


def _check_call(line: Line) -> None:
    if line.ended:
        raise _Wrong("90018", "Call has already ended")
    if not line.answered:
        raise _Wrong("90034", "Call not answered yet")


def _done(line: Line, action: str, body: Body, world: World) -> Act:
    state = body.get("client_state")
    if state is not None:
        _check_state(state)
        line = replace(line, client_state=state)
    after, webhooks = _DOES[action](line, body, world)
    return Act(OK, after, webhooks, done=True)


def _check_state(state: Any) -> None:
    try:
        base64.b64decode(state, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise _Wrong("90017", "Invalid value for client_state", "/client_state") from None


def _required(body: Body, name: str) -> str:
    value = body.get(name)
    if not value:
        raise _Wrong("10004", "Missing required parameter", f"/{name}")
    return str(value)


def _one_of(body: Body, name: str, allowed: tuple[str, ...]) -> None:
    if body.get(name, allowed[0]) not in allowed:
        raise _Wrong("10032", "Invalid enumerated value", f"/{name}")


Does = tuple[Line, tuple[Told, ...]]


def _update_state(line: Line, body: Body, _: World) -> Does:
    _required(body, "client_state")
    return line, ()


def _send_dtmf(line: Line, body: Body, _: World) -> Does:
    if not _DIGITS.fullmatch(_required(body, "digits")):
        raise _Wrong("90014", "Invalid value for digits", "/digits")
    return line, ()


def _switch_role(line: Line, body: Body, _: World) -> Does:
    _required(body, "role")
    _one_of(body, "role", ("barge", "whisper", "monitor"))
    return line, ()


def _suppress(line: Line, body: Body, _: World) -> Does:
    _one_of(body, "direction", ("inbound", "outbound", "both"))
    return line, ()


def _start_siprec(line: Line, body: Body, world: World) -> Does:
    _one_of(body, "siprec_track", _TRACKS)
    if body.get("connector_name") in world.broken_connectors:
        return line, (("siprec.failed", {"failure_cause": "no_answer"}),)
    return replace(line, recording=True), (("siprec.started", {}),)


def _stop_siprec(line: Line, _: Body, __: World) -> Does:
    stopped = (("siprec.stopped", {"hangup_cause": "normal_clearing"}),) if line.recording else ()
    return replace(line, recording=False), stopped


def _refer(line: Line, body: Body, world: World) -> Does:
    target = _required(body, "sip_address")
    begun: Told = ("call.refer.started", {"sip_notify_response": 100})
    if target in world.declining:
        return line, (begun, ("call.refer.failed", {"sip_notify_response": _DECLINED}))
    after, hangup = hung_up(line)
    return after, (begun, ("call.refer.completed", {"sip_notify_response": 200}), *hangup)


def hung_up(line: Line) -> Does:
    """End a call; a recording that runs stops with it."""
    cause = {"hangup_cause": "normal_clearing", "hangup_source": "caller", "sip_hangup_cause": "200"}
    stopped: tuple[Told, ...] = (("siprec.stopped", {"hangup_cause": "normal_clearing"}),) if line.recording else ()
    return replace(line, ended=True, recording=False), (*stopped, ("call.hangup", cause))


_DOES: Mapping[str, Callable[[Line, Body, World], Does]] = {
    "client_state_update": _update_state,
    "refer": _refer,
    "send_dtmf": _send_dtmf,
    "siprec_start": _start_siprec,
    "siprec_stop": _stop_siprec,
    "suppression_start": _suppress,
    "suppression_stop": lambda line, _, __: (line, ()),
    "switch_supervisor_role": _switch_role,
}
