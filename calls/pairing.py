"""Which end belongs to which start, where nothing but time tells (domain 8b, "REFER pairing").

Knows nothing of REFER: instants in, index pairs out.
"""

from collections.abc import Callable, Sequence

from calls.instants import Instant

Cost = Callable[[Instant, Instant], int]
"""What it costs to pair a start with an end."""

AGAINST_THE_CLOCK = 1 << 80
"""A start later than its end costs more than any distances together."""


def pair(starts: Sequence[Instant], ends: Sequence[Instant], skew_us: int) -> dict[int, int]:
    """Pair ends with starts, both in time order; gives index of the end -> index of its start.

    No two pairs cross, and no start is more than ``skew_us`` later than its end. Of all such pairings it is
    the one with the most pairs; of those the one with the fewest starts later than their end; of those the
    one that gives each end, from the last to the first, the latest start. Time and memory grow with starts
    times ends: a leg has a handful.
    """
    return _cheapest(starts, ends, skew_us, lambda start, end: int(start > end))


def nearest(starts: Sequence[Instant], ends: Sequence[Instant], skew_us: int) -> dict[int, int]:
    """Pair as ``pair`` does, but of those with the fewest starts later take the one whose ends are nearest to starts.

    So what was asked for once is answered by the first end after it, whatever else ends by itself later.
    """
    return _cheapest(starts, ends, skew_us, lambda start, end: abs(end - start) + AGAINST_THE_CLOCK * (start > end))


def _cheapest(starts: Sequence[Instant], ends: Sequence[Instant], skew_us: int, cost: Cost) -> dict[int, int]:
    best = _best(starts, ends, skew_us, cost)
    pairs: dict[int, int] = {}
    free = len(starts)
    for j in range(len(ends) - 1, -1, -1):
        for i in range(free - 1, -1, -1):
            if _with_pair(best[j][i], starts[i], ends[j], skew_us, cost) == best[j + 1][free]:
                pairs[j] = free = i
                break
    return pairs


def _best(starts: Sequence[Instant], ends: Sequence[Instant], skew_us: int, cost: Cost) -> list[list[tuple[int, int]]]:
    """Give at [j][i] the worth of the best pairing of the first j ends with the first i starts.

    Worth is (pairs, minus what they cost): the larger the better.
    """
    best = [[(0, 0)] * (len(starts) + 1)]
    for end in ends:
        without, row = best[-1], [(0, 0)]
        for i, start in enumerate(starts):
            paired = _with_pair(without[i], start, end, skew_us, cost) or (0, 0)
            row.append(max(row[i], without[i + 1], paired))
        best.append(row)
    return best


def _with_pair(rest: tuple[int, int], start: Instant, end: Instant, skew_us: int, cost: Cost) -> tuple[int, int] | None:
    """Give the worth of one more pair, or None where the two may not be paired."""
    if start > end + skew_us:
        return None
    return rest[0] + 1, rest[1] - cost(start, end)
