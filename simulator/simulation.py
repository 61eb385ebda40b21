"""A whole simulation: calls, the deliveries of their webhooks, and the truth about both.

The same arguments give the same bytes, deliveries and truth, on every machine.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calls import catalogue, policy
from calls.instants import SECOND, Instant
from calls.policy import Judgement
from simulator import deliveries, scenarios
from simulator.deliveries import Delivery, Faults
from simulator.script import Call
from simulator.secrets import Secrets
from simulator.truth import LogTotals, Truth, tally
from simulator.webhooks import Form, Mark
from simulator.world import Breakdown, Connection

CALLS_DEFAULT = 500
SPAN_US_DEFAULT = 6 * 3_600 * SECOND  # an afternoon


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What was made up, and the truth about it."""

    calls: tuple[Call, ...]
    deliveries: tuple[Delivery, ...]
    truth: Truth
    secrets: Secrets
    connections: tuple[Connection, ...]
    breakdown: Breakdown


def simulate(  # noqa: PLR0913, PLR0917 -- each has a default
    seed: int,
    start: Instant,
    calls: int = CALLS_DEFAULT,
    span_us: int = SPAN_US_DEFAULT,
    faults: Faults = Faults(),  # noqa: B008 -- frozen
    judgements: Mapping[str, Judgement] | None = None,
) -> Simulation:
    """Make ``calls`` calls that begin within ``span_us`` of ``start``, and plan their deliveries.

    ``judgements`` say, by the name of a connection, by what its calls are judged; the others by the built-in policy.
    """
    rng = random.Random(seed)  # noqa: S311 -- made to be foreseen
    place = scenarios.world(rng, start, span_us, judgements)
    made = scenarios.afternoon(place, calls, start, span_us)
    planned = deliveries.plan(made, faults, rng)
    truth = Truth(
        calls=tuple(call.truth for call in made),
        log=_totals(made, planned),
        settled_at=_settled_at(made, start),
    )
    return Simulation(
        calls=made,
        deliveries=planned,
        truth=truth,
        secrets=place.secret.seal(),
        connections=place.connections,
        breakdown=place.breakdown,
    )


def _totals(calls: Sequence[Call], planned: Sequence[Delivery]) -> LogTotals:
    """Count what the log will hold: each webhook once, whatever else was delivered."""
    marks = Counter(webhook.mark for call in calls for webhook in call.webhooks)
    refused = [one.expected_reason for one in planned if one.expected_reason is not None]
    stored = sum(len(call.webhooks) for call in calls)
    readable = (webhook for call in calls for webhook in call.webhooks if webhook.form is not Form.GARBLED)
    counts = {mark.value: marks[mark] for mark in Mark}
    counts[Mark.UNATTRIBUTED.value] = sum(not catalogue.about_leg(webhook.event_type) for webhook in readable)
    return LogTotals(
        stored=stored,
        duplicate_deliveries=len(planned) - len(refused) - stored,
        rejected=tally(refused),
        **counts,
    )


def _settled_at(calls: Sequence[Call], start: Instant) -> Instant:
    """Give the moment from which no call changes by time alone: the last one is stale by then."""
    last = max((webhook.occurred_at for call in calls for webhook in call.webhooks), default=start)
    return last + policy.DEFAULT.stale_after_us + policy.DEFAULT.late_grace_us + SECOND
