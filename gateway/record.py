"""What is put on the record of a command: one signed event for each state it comes to.

``requested`` says everything that is known of who asked for what; the others name the command and what is new. Secrets
are masked before anything is kept, signed or hashed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import orjson

from calls import envelope, instants
from calls.instants import Instant
from gateway import keeping
from gateway.parsing import Target
from gateway.signing import Signer
from store.entry import Entry

SOURCE = "gateway"

REQUESTED = "command.requested"
SENT = "command.sent"
ACCEPTED = "command.accepted"
REFUSED = "command.refused"
IN_DOUBT = "command.in_doubt"
REPEATED = "command.repeated"
APPROVAL_REQUIRED = "command.approval_required"
APPROVED = "command.approved"
DENIED = "command.denied"
CONFIRMED = "command.confirmed"
EXPIRED = "command.expired"

SAID_AT_ONCE = (REQUESTED, APPROVAL_REQUIRED, APPROVED, DENIED, SENT, ACCEPTED, REFUSED, IN_DOUBT, REPEATED)
"""What is put on record while somebody waits for the answer."""

TEXT_CHARACTERS_MAX = 255
"""Of what a caller says of itself: purpose, ticket, user agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and why. ``actor`` is the name of the API key; the rest is what the request says of itself."""

    actor: str
    key_id: str
    address: str
    purpose: str | None = None
    ticket: str | None = None
    user_agent: str | None = None

    def said(self) -> dict[str, Any]:
        """Give it as the events have it."""
        return {
            "actor": self.actor,
            "key_id": self.key_id,
            "client_address": self.address,
            "purpose": self.purpose,
            "ticket": self.ticket,
            "user_agent": self.user_agent,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One request that may change something: where it goes, and who asked."""

    target: Target
    caller: Caller
    command_id: str = field(default_factory=lambda: str(uuid4()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of a command after it was answered, or was not: ``said`` beside its names, and when it came to it."""

    event_type: str
    command_id: str
    call_control_id: str | None
    action: str | None
    at: Instant
    said: Mapping[str, Any]


class Recorder:
    """Makes the log's entries of commands, signed."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def requested(self, command: Command, body: bytes, now: Instant, warnings: Sequence[str] = ()) -> Entry:
        """Say that a command was asked for, with its parameters masked; of what is no JSON, its length only."""
        target = command.target
        return self.entry(
            REQUESTED,
            command,
            now,
            method=target.method,
            path=target.path,
            body_bytes=len(body),
            parameters=keeping.kept(target.action, body),
            warnings=list(warnings),
            **command.caller.said(),
        )

    def entry(self, event_type: str, command: Command, now: Instant, **more: Any) -> Entry:
        """Say that a command has come to a state."""
        named = {
            "command_id": command.command_id,
            "call_control_id": command.target.call_control_id,
            "action": command.target.action,
        }
        return self._signed(event_type, {**named, **more}, now, now)

    def settled(self, settlement: Settlement, now: Instant) -> Entry:
        """Say what became of a command after it was answered. Equal settlements make equal events, whenever said."""
        named = {
            "command_id": settlement.command_id,
            "call_control_id": settlement.call_control_id,
            "action": settlement.action,
        }
        return self._signed(settlement.event_type, {**named, **settlement.said}, settlement.at, now)

    def _signed(self, event_type: str, payload: Mapping[str, Any], occurred_at: Instant, now: Instant) -> Entry:
        at = instants.to_text(occurred_at)
        name = f"{payload['command_id']} {event_type} {at}"
        event_id = str(UUID(bytes=sha256(name.encode()).digest()[:16]))
        data = {
            "record_type": "event",
            "event_type": event_type,
            "id": event_id,
            "occurred_at": at,
            "payload": payload,
        }
        body = b'{"data":' + orjson.dumps(data, option=orjson.OPT_SORT_KEYS) + b"}"
        timestamp = str(now // instants.SECOND)
        said = envelope.decode(body)
        return Entry(
            source=SOURCE,
            received_us=now,
            body=body,
            data_hash=said.data_hash,
            event_type=said.event_type,
            event_id=said.event_id,
            occurred_us=said.occurred_at,
            call_session_id=said.call_session_id,
            call_leg_id=said.call_leg_id,
            call_control_id=said.call_control_id,
            signed_timestamp=timestamp,
            signature=self._signer.sign(timestamp, body),
            key_id=self._signer.key_id,
            quarantined=said.quarantined,
            delivery_id=UUID(event_id),
        )


def text(value: str | None) -> str | None:
    """Give what a caller says of itself as it may be kept: printable, and not too long."""
    if value is None:
        return None
    kept = "".join(character if character.isprintable() else " " for character in value).strip()
    return kept[:TEXT_CHARACTERS_MAX] or None
