"""A live report states a position and an instant that the log alone leads to."""

import pytest

from reports import settled
from reports.as_of import AsOf
from reports.engines import Standing


@pytest.mark.parametrize(
    ("standing", "heard", "found"),
    [
        (Standing(9, 0, None, None), 100, AsOf(9, 100)),
        (Standing(9, 1, 50, None), 100, None),  # a fold is put off
        (Standing(9, 0, 50, 100), 100, None),  # a review is due
        (Standing(9, 0, 50, 101), 100, AsOf(9, 100)),
        (Standing(9, 0, 120, 130), 100, AsOf(9, 120)),  # what was heard fell back: a process is silent
        (Standing(9, 0, 120, 110), 100, None),
    ],
)
def test_facts_are_as_of(standing: Standing, heard: int, found: AsOf | None) -> None:
    """Calls stay as they were judged until the next review is due."""
    assert settled.as_of(standing, heard) == found
