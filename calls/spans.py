"""Sets of time as spans: half-open, disjoint, in order, none empty, no two touching.

Integers in, integers out: what is cut and joined here adds up to the microsecond.
"""

from collections.abc import Iterable
from typing import TypeAlias

from calls.instants import Instant

Span: TypeAlias = tuple[Instant, Instant]
"""From the first instant up to, and without, the second."""

Spans: TypeAlias = tuple[Span, ...]
"""A set of time: spans as the module says."""


def union(spans: Iterable[Span]) -> Spans:
    """Join any spans, in any order, overlapping or empty, into one set."""
    ordered = sorted(span for span in spans if span[0] < span[1])
    if len(ordered) < 2:
        return tuple(ordered)
    joined: list[Span] = []
    for start, end in ordered:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def intersect(these: Spans, those: Spans) -> Spans:
    """Give the time that is in both sets."""
    common: list[Span] = []
    i = j = 0
    while i < len(these) and j < len(those):
        start, end = max(these[i][0], those[j][0]), min(these[i][1], those[j][1])
        if start < end:
            common.append((start, end))
        if these[i][1] < those[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def subtract(these: Spans, those: Spans) -> Spans:
    """Give the time of the first set that is not in the second."""
    left: list[Span] = []
    j = 0
    for start, end in these:
        at = start
        while j < len(those) and those[j][1] <= at:
            j += 1
        k = j
        while k < len(those) and those[k][0] < end:
            if at < those[k][0]:
                left.append((at, those[k][0]))
            at = max(at, those[k][1])
            k += 1
        if at < end:
            left.append((at, end))
    return tuple(left)


def length_us(spans: Iterable[Span]) -> int:
    """Add up how long the spans are."""
    return sum(end - start for start, end in spans)


def at_least(sets: Iterable[Spans], count: int) -> Spans:
    """Give the time that lies in ``count`` of the sets or more."""
    edges = sorted((at, step) for spans in sets for span in spans for at, step in zip(span, (1, -1), strict=True))
    found: list[Span] = []
    depth, begun = 0, 0
    for at, step in edges:
        if step == 1 and depth == count - 1:
            begun = at
        elif step == -1 and depth == count:
            found.append((begun, at))
        depth += step
    return union(found)
