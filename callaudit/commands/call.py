"""``call``: the eight commands for people, through the gateway; and what waits for a second person.

The API key is read from CALLAUDIT_API_KEY, never from the command line. Key presses and passwords may be typed when
asked for, so that no shell keeps them.
"""

import base64
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import uuid4

import typer

from callaudit import output, settings, telephone
from callaudit.commands.options import Json
from gateway import parsing

app = typer.Typer(help="Send commands to live calls, on the record.", no_args_is_help=True)

ControlId = Annotated[str, typer.Argument(metavar="CALL_CONTROL_ID", help="The call's control id, as v3:….")]
Purpose = Annotated[str | None, typer.Option(help="Why, for the record.")]
Ticket = Annotated[str | None, typer.Option(help="The ticket it belongs to, for the record.")]
Approval = Annotated[str | None, typer.Option(help="The id under which a second person approved it.")]
Header = Annotated[list[str] | None, typer.Option(help="NAME=VALUE. May be repeated.")]

_WAITING = ("command_id", "action", "call_control_id", "actor", "purpose", "asked_at", "expires_at")


@app.command("refer")
def refer(
    call_control_id: ControlId,
    sip_address: Annotated[str, typer.Argument(help="Where to, as sip:desk@example.com.")],
    custom_header: Header = None,
    sip_auth_username: Annotated[str | None, typer.Option(help="Its password is asked for.")] = None,
    purpose: Purpose = None,
    ticket: Ticket = None,
    approval: Approval = None,
    json: Json = False,
) -> None:
    """Transfer a call by SIP REFER."""
    parameters: dict[str, Any] = {"sip_address": sip_address}
    if custom_header:
        parameters["custom_headers"] = [_named(each) for each in custom_header]
    if sip_auth_username is not None:
        password = typer.prompt("SIP password", hide_input=True, err=True)
        parameters |= {"sip_auth_username": sip_auth_username, "sip_auth_password": password}
    _send("refer", call_control_id, parameters, _Said(purpose, ticket, approval), json)


@app.command("dtmf")
def dtmf(
    call_control_id: ControlId,
    digits: Annotated[str | None, typer.Argument(help="0-9, A-D, *, #, w and W; asked for where not given.")] = None,
    duration_millis: Annotated[int | None, typer.Option(help="Of each digit, 100 to 500.")] = None,
    purpose: Purpose = None,
    ticket: Ticket = None,
    approval: Approval = None,
    json: Json = False,
) -> None:
    """Press keys."""
    pressed = typer.prompt("Digits", hide_input=True, err=True) if digits is None else digits
    parameters = {"digits": pressed, "duration_millis": duration_millis}
    _send("send_dtmf", call_control_id, parameters, _Said(purpose, ticket, approval), json)


@app.command("siprec-start")
def siprec_start(
    call_control_id: ControlId,
    connector: Annotated[str | None, typer.Option(help="The SIPREC connector's name.")] = None,
    track: Annotated[str | None, typer.Option(help="inbound_track, outbound_track or both_tracks.")] = None,
    transport: Annotated[str | None, typer.Option(help="udp, tcp or tls.")] = None,
    secure: Annotated[bool | None, typer.Option(help="Encrypt media and signalling.")] = None,
    session_timeout_secs: Annotated[int | None, typer.Option(help="0, or 90 and more.")] = None,
    purpose: Purpose = None,
    ticket: Ticket = None,
    approval: Approval = None,
    json: Json = False,
) -> None:
    """Start recording to a SIPREC server."""
    parameters = {
        "connector_name": connector,
        "siprec_track": track,
        "sip_transport": transport,
        "secure": secure,
        "session_timeout_secs": session_timeout_secs,
    }
    _send("siprec_start", call_control_id, parameters, _Said(purpose, ticket, approval), json)


@app.command("siprec-stop")
def siprec_stop(
    call_control_id: ControlId,
    purpose: Purpose = None,
    ticket: Ticket = None,
    approval: Approval = None,
    json: Json = False,
) -> None:
    """Stop recording to a SIPREC server."""
    _send("siprec_stop", call_control_id, {}, _Said(purpose, ticket, approval), json)


@app.command("suppress-start")
def suppress_start(
    call_control_id: ControlId,
    direction: Annotated[str | None, typer.Option(help="inbound, outbound or both.")] = None,
    engine: Annotated[str | None, typer.Option(help="Telnyx's name of it, as Denoiser or Krisp.")] = None,
    purpose: Purpose = None,
    ticket: Ticket = None,
    approval: Approval = None,
    json: Json = False,
) -> None:
    """Start suppressing noise."""
    parameters = {"direction": direction, "noise_suppression_engine": engine}
    _send("suppression_start", call_control_id, parameters, _Said(purpose, ticket, approval), json)


@app.command("suppress-stop")
def suppress_stop(
    call_control_id: ControlId,
    purpose: Purpose = None,
    ticket: Ticket = None,
    approval: Approval = None,
    json: Json = False,
) -> None:
    """Stop suppressing noise."""
    _send("suppression_stop", call_control_id, {}, _Said(purpose, ticket, approval), json)


@app.command("supervise")
def supervise(
    call_control_id: ControlId,
    role: Annotated[str, typer.Argument(help="barge, whisper or monitor.")],
    purpose: Purpose = None,
    ticket: Ticket = None,
    approval: Approval = None,
    json: Json = False,
) -> None:
    """Switch what a supervisor may do in a call."""
    _send("switch_supervisor_role", call_control_id, {"role": role}, _Said(purpose, ticket, approval), json)


@app.command("client-state")
def client_state(
    call_control_id: ControlId,
    state: Annotated[str, typer.Argument(help="Text; sent in base64, as webhooks give it back.")],
    purpose: Purpose = None,
    ticket: Ticket = None,
    approval: Approval = None,
    json: Json = False,
) -> None:
    """Set the state that every later webhook of the call gives back."""
    parameters = {"client_state": base64.b64encode(state.encode()).decode()}
    _send("client_state_update", call_control_id, parameters, _Said(purpose, ticket, approval), json)


@app.command("approvals")
def approvals(json: Json = False) -> None:
    """List the commands that wait for a second person."""
    with telephone.connected(settings.load()) as line:
        waiting = line.waiting()
    if json:
        output.json_line(waiting)
    else:
        output.table(_WAITING, waiting)


@app.command("approve")
def approve(
    command_id: Annotated[str, typer.Argument(help="The id it waits under.")],
    reason: Annotated[str | None, typer.Option(help="Why, for the record.")] = None,
    json: Json = False,
) -> None:
    """Approve a command that somebody else asked for; they send it again then."""
    _decide(command_id, "approve", reason, json)


@app.command("deny")
def deny(
    command_id: Annotated[str, typer.Argument(help="The id it waits under.")],
    reason: Annotated[str | None, typer.Option(help="Why, for the record.")] = None,
    json: Json = False,
) -> None:
    """Deny a command that somebody else asked for."""
    _decide(command_id, "deny", reason, json)


class HeaderRefused(ValueError):
    """A header is not written NAME=VALUE."""

    reason = "header_refused"


class _Said(dict[str, str]):
    """What is said for the record, as headers."""

    def __init__(self, purpose: str | None, ticket: str | None, approval: str | None) -> None:
        given = {"x-audit-purpose": purpose, "x-audit-ticket": ticket, "x-audit-approval": approval}
        super().__init__({name: value for name, value in given.items() if value})


def _send(action: str, call_control_id: str, parameters: Mapping[str, Any], said: _Said, json: bool) -> None:
    given = {name: value for name, value in parameters.items() if value is not None}
    # A key of its own: whatever breaks on the way, it is not done twice.
    headers = {**said, "idempotency-key": str(uuid4())}
    with telephone.connected(settings.load()) as line:
        answer = line.send(parsing.METHOD_OF[action], call_control_id, action, given, headers)
    if json:
        output.json_line(answer.said())
    else:
        typer.echo(answer.sentence(action))
    if not answer.was_accepted:
        raise typer.Exit(1)


def _decide(command_id: str, decision: str, reason: str | None, json: bool) -> None:
    with telephone.connected(settings.load()) as line:
        decided = line.decide(command_id, decision, reason)
    if json:
        output.json_line(decided)
    else:
        typer.echo(f"{decided['action']} that {decided['actor']} asked for: {decided['decision']}")


def _named(header: str) -> dict[str, str]:
    name, equals, value = header.partition("=")
    if not equals or not name:
        raise HeaderRefused("a header is written NAME=VALUE")
    return {"name": name, "value": value}
