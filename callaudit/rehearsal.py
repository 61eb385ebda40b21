"""The demo's live call: people send commands through the gateway, and what the double did must be what is on record."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from access import keys, registry
from gateway import permits
from simulator.upstream import Fault, Line, Serving

MAY_BE_DONE = ("accepted", "in_doubt", "confirmed", "expired")
FORBIDDEN = 403
ENDS = ("accepted", "confirmed", "refused", "denied")


@dataclass(frozen=True, slots=True)
class Step:
    """One command: by whom, why, what with; ``fault`` is what goes wrong at the double, ``status`` what is answered."""

    actor: str
    action: str
    body: Mapping[str, Any]
    status: int
    purpose: str | None = None
    fault: Fault = Fault.NONE


STEPS = (
    Step("ada@desk", "siprec_start", {"connector_name": "recorder"}, 200, "regulated desk"),
    Step("ada@desk", "siprec_stop", {}, 403),
    Step("ada@desk", "siprec_stop", {"command_id": "pause-1"}, 200, "card number follows"),
    Step("ada@desk", "send_dtmf", {"digits": "4711#"}, 200),
    Step("ada@desk", "siprec_start", {"connector_name": "recorder"}, 504, "card number taken", Fault.LOST),
    Step("bob@lead", "switch_supervisor_role", {"role": "whisper"}, 200, "training"),
    Step("ada@desk", "refer", {"sip_address": "sip:second-line@example.com"}, 200, "needs an expert", Fault.DUPLICATED),
)
"""A recording that is stopped for a card number and started again, whose second start is answered by nobody."""


def keys_for(owner_url: str) -> dict[str, str]:
    """Make a key for everybody who sends commands: name -> token."""
    made = {step.actor: keys.make(step.actor, [permits.SCOPE], keys.Limits()) for step in STEPS}
    with psycopg.connect(owner_url) as owner:
        for each in made.values():
            registry.add(owner, each)
    return {name: each.token for name, each in made.items()}


def play(base: str, tokens: Mapping[str, str], serving: Serving) -> tuple[Line, list[str]]:
    """Let a call come in, send it the commands, and let it end; gives it, and answers that were not as expected."""
    line, wrong = serving.double.begin(), list[str]()
    serving.settle()
    with httpx.Client(base_url=base, timeout=60, trust_env=False) as client:
        for step in STEPS:
            serving.double.faults.planned.extend([step.fault] if step.status != FORBIDDEN else [])
            status = _send(client, tokens[step.actor], line, step)
            serving.settle()
            if status != step.status:
                wrong.append(f"{step.action} was answered {status}, not {step.status}")
    return line, wrong


def _send(client: httpx.Client, token: str, line: Line, step: Step) -> int:
    headers = {"authorization": f"Bearer {token}"} | ({"x-audit-purpose": step.purpose} if step.purpose else {})
    address = f"/v2/calls/{line.call_control_id}/actions/{step.action}"
    return client.post(address, json=step.body, headers=headers).status_code


def differences(serving: Serving, commands: Sequence[Mapping[str, Any]]) -> list[str]:
    """Compare what the double did with the record, kind by kind: none unrecorded, none twice, each at its end."""
    did = Counter(each.action for each in serving.double.commands if each.done)
    recorded = Counter(str(each["action"]) for each in commands if each["state"] in MAY_BE_DONE)
    told = [
        f"{action}: the double did {did[action]}, the record says {recorded[action]}"
        for action in sorted({*did, *recorded})
        if did[action] != recorded[action]
    ]
    return [*told, *(f"{each['action']} is still {each['state']}" for each in commands if not is_recorded(each))]


def is_recorded(command: Mapping[str, Any]) -> bool:
    """Tell whether a command came to its end, and the record says so; being accepted is one."""
    return command["state"] in ENDS and command["recorded_state"] == command["state"]
