"""Ratios, their Wilson intervals and their text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import ratios


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (0, 20, 0, 0.161125),
        (20, 20, 0.838875, 1),
        (97, 100, 0.915481, 0.989745),
        (5, 10, 0.236593, 0.763407),
        (9990, 10000, 0.998160, 0.999457),
    ],
)
def test_wilson_gives_the_golden_values(part: int, whole: int, low: float, high: float) -> None:
    """The interval is the one computed independently (domain 5.5), to six places."""
    assert tuple(round(end, 6) for end in ratios.wilson(part, whole)) == (low, high)


@given(whole=st.integers(1, 10**12), data=st.data())
def test_wilson_holds_the_ratio(whole: int, data: st.DataObject) -> None:
    """The ratio lies in its interval, and the interval between 0 and 1, its ends exact at 0 and at all."""
    part = data.draw(st.integers(0, whole))
    low, high = ratios.wilson(part, whole)
    assert 0 <= low <= part / whole <= high <= 1
    assert (low == 0, high == 1) == (part == 0, part == whole)


def test_share_of_nothing_is_no_number() -> None:
    """Nothing counted is neither 0 % nor 100 %."""
    assert math.isnan(ratios.share(0, 0))
    assert all(math.isnan(end) for end in ratios.wilson(0, 0))


@pytest.mark.parametrize(
    ("ratio", "floored", "ceiled"),
    [
        (0.9996, "99.9 %", "99.96 %"),
        (0.99999, "99.9 %", "99.999 %"),
        (0.0004, "0.0 %", "0.1 %"),
        (1.0, "100.0 %", "100.0 %"),
        (0.0, "0.0 %", "0.0 %"),
        (0.57, "57.0 %", "57.0 %"),
        (0.29, "29.0 %", "29.0 %"),
        (1 / 3, "33.3 %", "33.4 %"),
    ],
)
def test_percentages_round_against_hope(ratio: float, floored: str, ceiled: str) -> None:
    """What is good is floored and what is bad is ceiled, an exact one stays; only all is 100 %."""
    assert (ratios.floor_text(ratio), ratios.ceil_text(ratio)) == (floored, ceiled)


@given(whole=st.integers(1, 10**9), data=st.data())
def test_only_all_is_100_percent(whole: int, data: st.DataObject) -> None:
    """A ratio that misses one of a thousand million is not shown as 100 %, nor one miss as 0 %."""
    part = data.draw(st.integers(0, whole))
    assert (ratios.floor_text(part / whole) == "100.0 %") == (part == whole)
    assert (ratios.ceil_text(part / whole) == "0.0 %") == (part == 0)
