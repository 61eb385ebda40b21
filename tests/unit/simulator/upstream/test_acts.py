"""What the double answers to a command, what it does to the call, and which webhooks follow."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from simulator.upstream import acts
from simulator.upstream.acts import Act, World
from simulator.upstream.double import Double
from simulator.upstream.faults import Fault, Faults
from simulator.upstream.lines import Line

LINE = Line(
    call_control_id="v3:1",
    call_leg_id="leg-1",
    call_session_id="ses-1",
    connection_id="con-1",
    from_number="+12025550143",
    to_number="+12025550144",
)
RECORDING = replace(LINE, recording=True)
WORLD = World(broken_connectors=frozenset(["dead"]), declining=frozenset(["sip:busy@example.com"]))
TRANSFERRED = ["call.refer.started", "call.refer.completed", "siprec.stopped", "call.hangup"]


def done(action: str, line: Line = LINE, **body: Any) -> Act:
    """Carry a command out."""
    made = acts.act(line, action, orjson.dumps(body), WORLD)
    assert isinstance(made, Act)
    return made


@pytest.mark.parametrize(
    ("action", "line", "body", "webhooks"),
    [
        ("client_state_update", LINE, {"client_state": "QQ=="}, []),
        ("send_dtmf", LINE, {"digits": "1w2#"}, []),
        ("suppression_start", LINE, {"direction": "both"}, []),
        ("suppression_stop", LINE, {}, []),
        ("switch_supervisor_role", LINE, {"role": "barge"}, []),
        ("siprec_start", LINE, {}, ["siprec.started"]),
        ("siprec_start", LINE, {"connector_name": "dead"}, ["siprec.failed"]),
        ("siprec_stop", LINE, {}, []),
        ("siprec_stop", RECORDING, {}, ["siprec.stopped"]),
        ("refer", LINE, {"sip_address": "sip:busy@example.com"}, ["call.refer.started", "call.refer.failed"]),
        ("refer", RECORDING, {"sip_address": "sip:a@example.com"}, TRANSFERRED),
    ],
)
def test_a_command_is_followed_by_its_webhooks(action: str, line: Line, body: Any, webhooks: list[str]) -> None:
    """It is answered ok whatever follows; a call that was transferred has ended."""
    made = done(action, line, **body)
    assert (made.answer, made.done) == (acts.OK, True)
    assert [event_type for event_type, _ in made.webhooks] == webhooks
    assert made.line.ended is ("call.hangup" in webhooks)
    assert made.line.recording is (webhooks[:1] == ["siprec.started"])


@pytest.mark.parametrize(
    ("action", "line", "body", "code", "pointer"),
    [
        ("send_dtmf", LINE, {}, "10004", "/digits"),
        ("send_dtmf", LINE, {"digits": "12x"}, "90014", "/digits"),
        ("refer", LINE, {}, "10004", "/sip_address"),
        ("client_state_update", LINE, {"client_state": "?"}, "90017", "/client_state"),
        ("switch_supervisor_role", LINE, {"role": "listen"}, "10032", "/role"),
        ("siprec_start", LINE, {"siprec_track": "all"}, "10032", "/siprec_track"),
        ("siprec_stop", replace(LINE, ended=True), {}, "90018", None),
        ("siprec_stop", replace(LINE, answered=False), {}, "90034", None),
    ],
)
def test_what_is_wrong_is_refused(action: str, line: Line, body: Any, code: str, pointer: str | None) -> None:
    """In Telnyx's format; nothing is done, and the call stays as it was."""
    made = done(action, line, **body)
    (error,) = orjson.loads(made.answer.body)["errors"]
    assert (made.answer.status, made.line, made.webhooks, made.done) == (422, line, (), False)
    assert (error["code"], error.get("source", {}).get("pointer")) == (code, pointer)


def test_the_state_that_a_command_sets_is_given_back() -> None:
    """By all webhooks that follow; those of SIPREC name no numbers."""
    made = done("siprec_start", client_state="QQ==")
    assert made.line.payload("siprec.started")["client_state"] == "QQ=="
    assert "from" not in made.line.payload("siprec.started")
    assert made.line.payload("call.hangup")["from"] == "+12025550143"


KEY = {"authorization": "Bearer KEY-of-the-double"}


def asked(double: Double, action: str = "siprec_start", body: bytes = b"", **headers: str) -> int | None:
    """Send a command to a double's only call, else to none; gives the status."""
    control_id = next(iter(double.lines), "v3:none")
    reply = double.reply("POST", f"/v2/calls/{control_id}/actions/{action}", {**KEY, **headers}, body)
    return None if reply.answer is None else reply.answer.status


@pytest.mark.parametrize(
    ("fault", "status", "was_done"),
    [
        (Fault.NONE, 200, True),
        (Fault.REFUSED, 422, False),
        (Fault.RATE_LIMITED, 429, False),
        (Fault.ERROR_BEFORE, 500, False),
        (Fault.ERROR_AFTER, 500, True),
        (Fault.LOST, None, True),
        (Fault.DELAYED, 200, True),
        (Fault.DUPLICATED, 200, True),
    ],
)
def test_a_fault_is_in_the_answer(fault: Fault, status: int | None, was_done: bool) -> None:
    """What was done is noted, listed and followed by webhooks whatever was answered; one kind repeats them."""
    told: list[str] = []
    double = Double(lambda: 0, post=lambda webhook: told.append(webhook.event_type))
    double.begin()
    told.clear()
    double.faults.planned.append(fault)
    assert asked(double) == status
    (command,) = double.commands
    assert (command.action, command.status, command.done) == ("siprec_start", status, was_done)
    assert told == ["siprec.started"] * (was_done + (fault is Fault.DUPLICATED))
    listed = double.reply("GET", "/v2/call_events?filter[type]=command", KEY, b"").answer
    assert listed is not None
    assert [row["name"] for row in orjson.loads(listed.body)["data"]] == ["siprec_start"] * was_done


def test_an_equal_command_id_does_nothing_for_a_minute() -> None:
    """It is answered ok again."""
    clock = [0]
    double = Double(lambda: clock[0])
    double.begin()
    body = b'{"digits":"1","command_id":"c"}'
    assert [asked(double, "send_dtmf", body) for _ in range(2)] == [200, 200]
    clock[0] = 61_000_000
    assert asked(double, "send_dtmf", body) == 200
    assert [each.done for each in double.commands] == [True, False, True]


def test_whoever_asks_for_what_is_not_there_is_told_so() -> None:
    """As Telnyx does, by status."""
    double = Double(lambda: 0)
    assert asked(double, authorization="Bearer other") == 401
    assert asked(double) == 422
    double.begin()
    assert asked(double, "dance") == 404
    assert asked(double, body=b"{") == 400
    for method, path, status in (("GET", "/v2/calls/x", 404), ("GET", "/v2/calls/v3:1/actions/refer", 405)):
        reply = double.reply(method, path, KEY, b"").answer
        assert reply is not None
        assert reply.status == status


def test_faults_come_by_chance_from_their_seed() -> None:
    """As many as their shares say, and the same ones again."""
    shares = {Fault.LOST: 0.25, Fault.REFUSED: 0.25}
    one, other = ([faults.next() for _ in range(1_000)] for faults in (Faults(shares), Faults(shares)))
    assert one == other
    assert 200 < one.count(Fault.LOST) < 300
    assert 400 < one.count(Fault.NONE) < 600
