"""Ratios of counts: the share, its Wilson interval, and their honest text.

A share of nothing is not a number, neither 0 % nor 100 %. Text is rounded against what the reader hopes for:
99.96 % covered is 99.9 %, and 0.04 % missed is 0.1 %, never 100 % or nothing.
"""

import math
from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

Z_95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval (domain 5.5)."""


def share(part: int, whole: int) -> float:
    """Give ``part / whole``, or NaN where there is no whole."""
    return part / whole if whole else math.nan


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Give the 95 % Wilson score interval of ``part`` out of ``whole``; NaNs where there is no whole."""
    if not whole:
        return math.nan, math.nan
    ratio, square = part / whole, Z_95**2
    middle = ratio + square / (2 * whole)
    spread = Z_95 * math.sqrt(ratio * (1 - ratio) / whole + square / (4 * whole**2))
    scale = 1 + square / whole
    # The ends are exact where nothing or everything counts; computed, they miss by the last bit.
    low = 0.0 if part == 0 else (middle - spread) / scale
    high = 1.0 if part == whole else (middle + spread) / scale
    return low, high


def floor_text(ratio: float, places: int = 1) -> str:
    """Write a ratio as a percentage rounded down: what is claimed as good is at least this."""
    return _text(ratio, places, ROUND_FLOOR)


def ceil_text(ratio: float, places: int = 1) -> str:
    """Write a ratio as a percentage rounded up: what is admitted as bad is at most this.

    What is less than everything is never written as 100 %: it gets the places that it takes.
    """
    text = _text(ratio, places, ROUND_CEILING)
    everything = _text(1.0, places, ROUND_CEILING)
    return ceil_text(ratio, places + 1) if ratio < 1 and text == everything else text


def mean_text(mean: float) -> str:
    """Write a mean to two places, rounded up: attempts, retries and failures are at most this many."""
    exact = Decimal(repr(float(mean)))
    return f"{exact.quantize(Decimal('0.01'), rounding=ROUND_CEILING):,}"


def _text(ratio: float, places: int, rounding: str) -> str:
    # The shortest decimal that reads back as this float: 0.57 is 57 %, though the float 0.57 * 100 is less.
    percent = Decimal(repr(float(ratio))) * 100
    return f"{percent.quantize(Decimal(1).scaleb(-places), rounding=rounding)} %"


def shares(parts: Iterable[int], wholes: Iterable[int]) -> list[float]:
    """Give the share of each pair."""
    return [share(int(part), int(whole)) for part, whole in zip(parts, wholes, strict=True)]


def rate(parts: Iterable[int], wholes: Iterable[int], name: str) -> dict[str, list[float]]:
    """Give the three columns of a rate: itself and the ends of its interval."""
    pairs = [(int(part), int(whole)) for part, whole in zip(parts, wholes, strict=True)]
    intervals = [wilson(*pair) for pair in pairs]
    return {
        f"{name}_rate": [share(*pair) for pair in pairs],
        f"{name}_low_95": [low for low, _ in intervals],
        f"{name}_high_95": [high for _, high in intervals],
    }
