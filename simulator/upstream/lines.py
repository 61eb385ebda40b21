"""A live call as the double has it, and what its webhooks say of it."""

from dataclasses import dataclass
from typing import Any

WITHOUT_PARTIES = ("siprec.",)
"""Webhooks that name no numbers, as Telnyx publishes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One leg. ``client_state`` is what later webhooks give back; ``recording``: a SIPREC session runs."""

    call_control_id: str
    call_leg_id: str
    call_session_id: str
    connection_id: str
    from_number: str
    to_number: str
    client_state: str | None = None
    answered: bool = True
    ended: bool = False
    recording: bool = False

    def payload(self, event_type: str, **fields: Any) -> dict[str, Any]:
        """Give the payload of one webhook of this leg."""
        named = {
            "call_control_id": self.call_control_id,
            "call_leg_id": self.call_leg_id,
            "call_session_id": self.call_session_id,
            "client_state": self.client_state,
            "connection_id": self.connection_id,
        }
        parties = {} if event_type.startswith(WITHOUT_PARTIES) else {"from": self.from_number, "to": self.to_number}
        return {**named, **parties, **fields}
