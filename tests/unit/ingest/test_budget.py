"""Work that strangers cause gets its share of time, and no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.budget import Budget


class Time:
    """A clock, and how much this thread has worked by it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.worked = 0.0

    def work(self, seconds: float) -> str:
        """Work for so long."""
        self.now += seconds
        self.worked += seconds
        return "done"


def test_work_is_done_while_something_is_left_and_debts_are_paid_first() -> None:
    """What took longer than was left is waited for, before anything else is begun."""
    time = Time()
    budget = Budget(0.25, clock=lambda: time.now, worked=lambda: time.worked)
    assert budget.run(lambda: time.work(0.5)) == "done"
    assert budget.run(lambda: time.work(0.1)) is None
    time.now = 1.4  # 0.25 were there, 0.5 are spent: the debt is paid a second later
    assert budget.run(lambda: time.work(0.1)) == "done"


def test_work_that_fails_is_paid_for() -> None:
    """An exception is the caller's, and the time is spent all the same."""
    time = Time()
    budget = Budget(0.25, clock=lambda: time.now, worked=lambda: time.worked)

    def fail() -> None:
        time.work(1.0)
        raise KeyError

    with pytest.raises(KeyError):
        budget.run(fail)
    assert budget.run(lambda: time.work(0.1)) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.3)), max_size=60))
def test_share_is_kept_over_any_time(pieces: list[tuple[float, float]]) -> None:
    """The work done is at most a share of the time, what was saved up, and one piece."""
    time = Time()
    budget = Budget(0.25, clock=lambda: time.now, worked=lambda: time.worked)
    for pause, seconds in pieces:
        time.now += pause
        budget.run(lambda seconds=seconds: time.work(seconds))
        assert time.worked <= 0.25 + 0.25 * time.now + 0.3 + 1e-6
