"""The whole: what depends on the seed and on nothing else."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import simulator
from simulator import KINDS, Simulation, simulate

_DIGEST = """
import hashlib, simulator
plan = simulator.simulate(seed=1, start={start}).deliveries
print(hashlib.sha256(b"".join(one.body for one in plan)).hexdigest())
"""


def _digest(simulation: Simulation) -> str:
    return hashlib.sha256(b"".join(one.body for one in simulation.deliveries)).hexdigest()


def test_simulate_gives_equal_values_when_the_seed_is_the_same(afternoon: Simulation, start: int) -> None:
    """Two simulations of one seed are equal in calls, deliveries, truth and secrets."""
    assert simulate(seed=1, start=start) == afternoon


def test_simulate_gives_the_same_bytes_when_another_process_makes_them(afternoon: Simulation, start: int) -> None:
    """The bytes do not depend on the hash seed of the process."""
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    command = [sys.executable, "-c", _DIGEST.format(start=start)]
    root = Path(simulator.__file__).parents[1]
    other = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == _digest(afternoon)


def test_simulate_gives_other_bytes_when_the_seed_differs(afternoon: Simulation, start: int) -> None:
    """Another seed is another afternoon."""
    assert _digest(simulate(seed=2, start=start)) != _digest(afternoon)


def test_simulate_shifts_with_its_start(start: int) -> None:
    """A start one day later moves every webhook by one day."""
    day_us = 86_400_000_000
    today, tomorrow = (simulate(seed=3, start=at, calls=20) for at in (start, start + day_us))
    moments = [[hook.occurred_at for call in made.calls for hook in call.webhooks] for made in (today, tomorrow)]
    assert [at + day_us for at in moments[0]] == moments[1]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**64), calls=st.integers(0, 2 * len(KINDS)), span_us=st.integers(1, 10**11))
def test_simulate_conserves_calls_for_any_seed(start: int, seed: int, calls: int, span_us: int) -> None:
    """As many calls are made as were asked for, each begins in the span, and ids are never shared."""
    made = simulate(seed=seed, start=start, calls=calls, span_us=span_us)
    assert len(made.calls) == made.truth.counts()["call_sessions"] == calls
    assert len({call.call_session_id for call in made.truth.calls}) == calls
    legs = list(made.truth.legs())
    assert len({leg.call_leg_id for leg in legs}) == len(legs) == made.truth.counts()["call_legs"]
    begun = [leg.initiated_at for leg in legs if leg.initiated_at is not None]
    assert all(start <= at < start + span_us + 2_000_000 for at in begun)
