"""The default afternoon, made once: it is a plain value that no test can change."""

import pytest

from calls import instants
from simulator import Simulation, simulate

START = "2026-01-15T12:00:00Z"


@pytest.fixture(scope="session")
def start() -> int:
    """Noon of the day, in UTC."""
    noon = instants.parse(START)
    assert noon is not None
    return noon


@pytest.fixture(scope="session")
def afternoon(start: int) -> Simulation:
    """Five hundred calls with the default faults."""
    return simulate(seed=1, start=start)
