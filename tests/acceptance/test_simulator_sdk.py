"""The official Telnyx SDK takes the simulator for Telnyx, and its forgeries for forgeries."""

import time
from typing import TYPE_CHECKING

import orjson
import pytest

from calls.instants import SECOND, Instant
from simulator import Delivery, Forgery, Form, Simulation, key_from_seed, seal, simulate

if TYPE_CHECKING:
    import telnyx

KEY = key_from_seed("sdk")
SEED_WEBHOOKS = (
    "call.refer.started",
    "call.refer.completed",
    "call.refer.failed",
    "siprec.started",
    "siprec.stopped",
    "siprec.failed",
)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    """Make an afternoon with every kind of call, long before now."""
    return simulate(seed=1, start=1_768_478_400 * SECOND, calls=60)


@pytest.fixture(scope="module")
def client() -> "telnyx.Telnyx":
    """Make a client that knows nothing but the public key."""
    import telnyx  # a third of all that the tests import, which every process of a run would wait for

    return telnyx.Telnyx(api_key="none", public_key=KEY.public)


def _now() -> Instant:
    return time.time_ns() // 1000


def _readable(simulation: Simulation) -> list[Delivery]:
    return [one for one in simulation.deliveries if one.webhook.form is not Form.GARBLED]


def test_unwrap_accepts_every_genuine_delivery(simulation: Simulation, client: "telnyx.Telnyx") -> None:
    """Verified under the public key, whatever the type of the event."""
    genuine = [one for one in _readable(simulation) if one.forgery is None]
    assert len(genuine) > 300
    for one in genuine:
        headers, body = seal(KEY, _now(), one.body, None)
        client.webhooks.unwrap(body.decode(), headers=headers)


@pytest.mark.parametrize("event_type", SEED_WEBHOOKS)
def test_unwrap_reads_the_fields_of_a_seed_webhook(
    simulation: Simulation, client: "telnyx.Telnyx", event_type: str
) -> None:
    """The SDK's own model of each of the six finds what the body says."""
    one = next(one for one in _readable(simulation) if one.webhook.event_type == event_type and not one.forgery)
    headers, body = seal(KEY, _now(), one.body, None)
    event = client.webhooks.unwrap(body.decode(), headers=headers).to_dict(mode="json")
    assert type(client.webhooks.unwrap(body.decode(), headers=headers)).__name__ == _model(event_type)
    sent = orjson.loads(body)["data"]
    assert {**event["data"], "occurred_at": None} == {**sent, "occurred_at": None}


def _model(event_type: str) -> str:
    subject = event_type.removeprefix("call.").split(".")
    return "Call" + "".join(part.capitalize() for part in subject) + "WebhookEvent"


@pytest.mark.parametrize("forgery", Forgery)
def test_unwrap_refuses_every_forgery(simulation: Simulation, client: "telnyx.Telnyx", forgery: Forgery) -> None:
    """What we expect to be refused, Telnyx's own SDK refuses."""
    one = next(one for one in simulation.deliveries if one.forgery is forgery)
    headers, body = seal(KEY, _now(), one.body, forgery)
    with pytest.raises(ValueError, match=r"(?i)header|timestamp|signature"):
        client.webhooks.unwrap(body.decode(), headers=headers)
