"""Plans repeat, delay and add deliveries, and lose none."""

import dataclasses
from collections import Counter, defaultdict

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import NO_FAULTS, Faults, Forgery, Form, Simulation, simulate

SHARES = st.floats(0, 1)


def test_without_faults_each_webhook_is_sent_once_in_the_order_it_happened(start: int) -> None:
    """A perfect network is a plain list."""
    made = simulate(seed=1, start=start, calls=50, faults=NO_FAULTS)
    happened = [one.webhook.occurred_at for one in made.deliveries]
    assert happened == sorted(happened)
    assert len(happened) == made.truth.log.stored
    assert made.truth.log.duplicate_deliveries == 0
    assert made.truth.log.rejected == {}


@settings(max_examples=25, deadline=None)
@given(faults=st.builds(Faults, SHARES, SHARES, SHARES, st.integers(0, 3)))
def test_faults_change_no_call_and_lose_no_webhook(start: int, faults: Faults) -> None:
    """Whatever the network does, calls stay and the totals add up."""
    made, plain = (simulate(seed=2, start=start, calls=60, faults=each) for each in (faults, NO_FAULTS))
    assert made.truth.calls == plain.truth.calls
    genuine = Counter(id(one.webhook) for one in made.deliveries if one.forgery is None)
    assert genuine.keys() == {id(webhook) for call in made.calls for webhook in call.webhooks}
    log = made.truth.log
    assert genuine.total() == log.stored + log.duplicate_deliveries
    assert sum(log.rejected.values()) == len(Forgery) * faults.forgeries
    assert len(made.deliveries) == genuine.total() + sum(log.rejected.values())


def test_a_duplicate_has_the_same_data_and_another_meta(afternoon: Simulation) -> None:
    """Attempts count up, go elsewhere and carry the same event."""
    sendings = defaultdict(list)
    for one in afternoon.deliveries:
        if one.forgery is None and one.webhook.form is Form.WRAPPED:
            sendings[id(one.webhook)].append(orjson.loads(one.body))
    repeated = [bodies for bodies in sendings.values() if len(bodies) > 1]
    assert {len(bodies) for bodies in repeated} == {2, 3}
    for bodies in repeated:
        assert len({orjson.dumps(body["data"]) for body in bodies}) == 1
        assert {body["meta"]["attempt"] for body in bodies} == set(range(1, len(bodies) + 1))
        assert len({body["meta"]["delivered_to"] for body in bodies}) == 2


def test_webhooks_of_a_call_overtake_each_other(afternoon: Simulation) -> None:
    """Some arrive before what happened earlier, and some minutes late."""
    first = [one for one in afternoon.deliveries if one.forgery is None and one.attempt == 1]
    late = [one.send_at - one.webhook.occurred_at for one in first]
    happened = [one.webhook.occurred_at for one in first]
    assert happened != sorted(happened)
    assert min(late) == 0
    assert max(late) > 60_000_000


def test_a_forged_delivery_carries_an_event_nobody_else_carries(afternoon: Simulation) -> None:
    """Were it taken in, the number of stored events would show it."""
    real = {webhook.data["id"] for call in afternoon.calls for webhook in call.webhooks}
    forged = [one for one in afternoon.deliveries if one.forgery is not None]
    assert {one.forgery for one in forged} == set(Forgery)
    assert not real & {one.webhook.data["id"] for one in forged}
    assert {one.expected_status for one in forged} == {401}


def test_faults_are_refused_when_a_share_is_no_share() -> None:
    """Shares lie between 0 and 1 and counts are not negative."""
    for field in dataclasses.fields(Faults):
        with pytest.raises(ValueError, match="between 0 and 1"):
            Faults(**{field.name: -1})
