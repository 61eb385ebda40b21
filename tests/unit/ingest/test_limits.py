"""How many refusals an address gets whole."""

from hypothesis import given
from hypothesis import strategies as st

from ingest import limits


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Read it."""
        return self.now


def test_burst_is_allowed_then_a_rate() -> None:
    """An address may be refused so many times at once, and so many times a second after that."""
    clock = Clock()
    refusals = limits.Refusals(clock, burst=5, per_second=2)
    assert [refusals.take_if_left("a") for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now = 1.0
    assert [refusals.take_if_left("a") for _ in range(3)] == [True, True, False]
    clock.now = 3_600.0
    assert [refusals.take_if_left("a") for _ in range(6)] == [True] * 5 + [False]


def test_one_address_takes_nothing_from_another() -> None:
    """Each has its own."""
    refusals = limits.Refusals(Clock(), burst=1)
    assert [refusals.take_if_left(address) for address in ("a", "a", "b", "b")] == [True, False, True, False]


def test_addresses_remembered_are_bounded_and_the_oldest_goes_first() -> None:
    """A flood from ever new addresses takes no more memory than so many."""
    refusals = limits.Refusals(Clock(), burst=1, addresses_max=3)
    for address in ("a", "b", "c", "a", "d"):
        refusals.take_if_left(address)
    assert len(refusals) == 3
    assert not refusals.take_if_left("a")
    assert refusals.take_if_left("b")


@given(st.lists(st.floats(0, 2), max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_no_more_than_burst_and_rate_are_allowed(steps: list[float], burst: int, per_second: int) -> None:
    """Over any time, whatever the pace, at most the burst and what the rate gives."""
    clock = Clock()
    refusals = limits.Refusals(clock, burst=burst, per_second=per_second)
    allowed = 0
    for step in steps:
        clock.now += step
        allowed += refusals.take_if_left("a")
        assert allowed <= burst + per_second * clock.now + 1e-6
