"""The arithmetic of the reports, written down a second time: rates, intervals, ranks, milliseconds."""

import math
from collections.abc import Iterable, Sequence

Z = 1.959963984540054
"""Of a 95 % interval (domain 5.5)."""


def share(part: int, whole: int) -> float | None:
    """Give the share, None of nothing."""
    return part / whole if whole else None


def rate(part: int, whole: int, name: str) -> dict[str, float | None]:
    """Give a share with its 95 % Wilson interval: the roots of (p - x)^2 = z^2 x (1 - x) / n."""
    low, high = _roots(part, whole) if whole else (None, None)
    return {f"{name}_rate": share(part, whole), f"{name}_low_95": low, f"{name}_high_95": high}


def _roots(part: int, whole: int) -> tuple[float, float]:
    half = part + Z * Z / 2
    root = Z * math.sqrt(part * (whole - part) / whole + Z * Z / 4)
    whole_too = whole + Z * Z
    return max(0.0, (half - root) / whole_too), min(1.0, (half + root) / whole_too)


def rank(values: Iterable[int], percent: int) -> int | None:
    """Give the nearest-rank quantile: the least value that ``percent`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-percent * len(ordered) // 100), 1) - 1] if ordered else None


def ms(us: int | None) -> int | None:
    """Give whole milliseconds, rounded down."""
    return None if us is None else us // 1000


def total(values: Sequence[int]) -> int | None:
    """Add up; None where there is nothing."""
    return sum(values) if values else None
