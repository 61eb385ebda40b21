"""In what order webhooks are sent, how often, and what else arrives at the same door.

Telnyx enforces no order, repeats deliveries and fails over to a second URL. A plan moves webhooks about and
adds deliveries; it never loses one: losing is a story's business, for it changes the truth.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from calls.instants import SECOND, Instant
from simulator.forgeries import REASONS, Forgery
from simulator.identities import Identities
from simulator.script import Call
from simulator.webhooks import Form, Webhook
from simulator.world import Connection


@dataclass(frozen=True, slots=True)
class Faults:
    """How badly the network behaves: shares of all webhooks, and how many forgeries of each kind come."""

    duplicated: float = 0.05  # sent again under the same id, at times twice
    reordered: float = 0.10  # overtaken by what happened up to five seconds later
    delayed: float = 0.02  # sent up to twenty minutes of the afternoon later
    forgeries: int = 2  # of each kind

    def __post_init__(self) -> None:
        """Refuse shares outside 0 to 1 and negative counts."""
        shares = (self.duplicated, self.reordered, self.delayed)
        if not all(0 <= share <= 1 for share in shares) or self.forgeries < 0:
            raise ValueError("shares of faults lie between 0 and 1, and no count is negative")


NO_FAULTS = Faults(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One sending of one webhook. ``send_at`` is its place in the order, in the afternoon's own time."""

    webhook: Webhook
    connection: Connection
    send_at: Instant
    attempt: int = 1
    forgery: Forgery | None = None

    @property
    def delivered_to(self) -> str:
        """The URL of this attempt: the failover after the first."""
        return self.connection.url if self.attempt == 1 else self.connection.failover_url

    @property
    def body(self) -> bytes:
        """The bytes of this delivery."""
        return self.webhook.body(self.attempt, self.delivered_to)

    @property
    def expected_status(self) -> int:
        """The answer it deserves."""
        return 200 if self.forgery is None else 401

    @property
    def expected_reason(self) -> str | None:
        """The reason it is refused with, None where it is taken."""
        return None if self.forgery is None else REASONS[self.forgery]


def plan(calls: Iterable[Call], faults: Faults, rng: random.Random) -> tuple[Delivery, ...]:
    """Give every delivery in the order of sending."""
    genuine = [delivery for call in calls for delivery in _of_call(call, faults, rng)]
    planned = [*genuine, *_forged(genuine, faults, rng)]
    return tuple(sorted(planned, key=lambda delivery: delivery.send_at))


def _of_call(call: Call, faults: Faults, rng: random.Random) -> Iterator[Delivery]:
    for webhook in call.webhooks:
        send_at = webhook.occurred_at + _lateness(faults, rng)
        first = Delivery(webhook, call.connection, send_at)
        yield first
        yield from _again(first, faults, rng)


def _lateness(faults: Faults, rng: random.Random) -> int:
    """Give how much later than it happened a webhook is sent, in microseconds."""
    if rng.random() < faults.delayed:
        return rng.randrange(5 * SECOND, 1_200 * SECOND)
    return rng.randrange(5 * SECOND) if rng.random() < faults.reordered else 0


def _again(first: Delivery, faults: Faults, rng: random.Random) -> Iterator[Delivery]:
    """Repeat a delivery: the second and third attempt go to the failover URL, within a minute."""
    last = first
    while last.attempt < 3 and rng.random() < faults.duplicated:
        last = replace(last, attempt=last.attempt + 1, send_at=last.send_at + rng.randrange(30 * SECOND))
        yield last


def _forged(genuine: Sequence[Delivery], faults: Faults, rng: random.Random) -> Iterator[Delivery]:
    """Forge deliveries on the model of genuine ones."""
    models = [one for one in genuine if one.webhook.form is Form.WRAPPED and one.attempt == 1]
    name = Identities(rng)
    for forgery in Forgery if models else ():
        for _ in range(faults.forgeries):
            model = rng.choice(models)
            data = {**model.webhook.data, "id": name.event_id()}
            yield replace(model, webhook=replace(model.webhook, data=data), forgery=forgery)
