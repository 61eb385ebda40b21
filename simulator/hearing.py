"""What a log holds once deliveries came one after another, each received ``delay_us`` after it was sent.

Known from how they were planned: the first delivery of a webhook takes the next position, each other one is a
redelivery. Over HTTP several are under way at once, and their order is nobody's to foresee.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from calls.instants import Instant
from simulator.deliveries import Delivery
from simulator.webhooks import Form, Mark, Webhook

_EVIDENCE = (
    "call.initiated",
    "call.answered",
    "call.bridged",
    "call.hangup",
    "call.recording.",
    "call.refer.",
    "siprec.",
    "call.siprec.",
    "call_siprec_",
)
"""Types that tell of a leg's life, its recordings and its transfers (domain 8, the ranks of rule 1)."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A webhook as an event of the log; ``again_at`` are the times of its redeliveries."""

    webhook: Webhook
    position: int
    received_at: Instant
    again_at: list[Instant] = field(default_factory=list[Instant])

    @property
    def event_id(self) -> str | None:
        """The id it was sent under; None where it cannot be read."""
        return None if self.webhook.form is Form.GARBLED else self.webhook.data["id"]

    @property
    def event_type(self) -> str | None:
        """The type as sent."""
        return None if self.webhook.form is Form.GARBLED else self.webhook.event_type

    @property
    def call_leg_id(self) -> str | None:
        """The leg it names."""
        return self._payload("call_leg_id")

    @property
    def connection_id(self) -> str | None:
        """The connection it names."""
        return self._payload("connection_id")

    @property
    def occurred_at(self) -> Instant | None:
        """When it happened, as far as it says so."""
        said = self.webhook.data.get("occurred_at") or self.webhook.data["payload"].get("occurred_at")
        return self.webhook.occurred_at if said and self.webhook.form is not Form.GARBLED else None

    @property
    def quarantined(self) -> str | None:
        """Why it can be stored and no more."""
        if self.webhook.form is Form.GARBLED:
            return "not_json"
        if self.webhook.mark is Mark.QUARANTINED:
            return "occurred_at_missing" if self.occurred_at is None else "call_leg_id_missing"
        return None

    @property
    def is_evidence(self) -> bool:
        """Whether it says something of a leg's recording."""
        return self.quarantined is None and self.webhook.event_type.startswith(_EVIDENCE)

    @property
    def fact(self) -> tuple[object, ...]:
        """What it has in common with another that tells the same."""
        payload = sorted(self.webhook.data["payload"].items(), key=lambda item: item[0])
        return self.webhook.event_type, self.occurred_at, repr(payload)

    def _payload(self, name: str) -> str | None:
        return None if self.webhook.form is Form.GARBLED else self.webhook.data["payload"].get(name)


def hear(deliveries: Iterable[Delivery], delay_us: int = 0, position: int = 0) -> tuple[Heard, ...]:
    """Take genuine deliveries in the order given; the first event has that position."""
    known: dict[int, Heard] = {}
    for one in deliveries:
        received_at = one.send_at + delay_us
        if one.forgery is not None:
            continue
        if (before := known.get(id(one.webhook))) is None:
            known[id(one.webhook)] = Heard(one.webhook, position + len(known), received_at)
        else:
            before.again_at.append(received_at)
    return tuple(known.values())
