"""Which end belongs to which start, where nothing but time tells (domain 8b, "REFER pairing").

Knows nothing of REFER: instants in, index pairs out.
"""

from collections.abc import Sequence

from calls.instants import Instant


def pair(starts: Sequence[Instant], ends: Sequence[Instant], skew_us: int) -> dict[int, int]:
    """Pair ends with starts, both in time order; gives index of the end -> index of its start.

    No two pairs cross, and no start is more than ``skew_us`` later than its end. Of all such pairings it is
    the one with the most pairs; of those the one with the fewest starts later than their end; of those the
    one that gives each end, from the last to the first, the latest start. Time and memory grow with starts
    times ends: a leg has a handful.
    """
    best = _best(starts, ends, skew_us)
    pairs: dict[int, int] = {}
    free = len(starts)
    for j in range(len(ends) - 1, -1, -1):
        for i in range(free - 1, -1, -1):
            if _with_pair(best[j][i], starts[i], ends[j], skew_us) == best[j + 1][free]:
                pairs[j] = free = i
                break
    return pairs


def _best(starts: Sequence[Instant], ends: Sequence[Instant], skew_us: int) -> list[list[tuple[int, int]]]:
    """Give at [j][i] the worth of the best pairing of the first j ends with the first i starts.

    Worth is (pairs, minus pairs whose start is later): the larger the better.
    """
    best = [[(0, 0)] * (len(starts) + 1)]
    for end in ends:
        without, row = best[-1], [(0, 0)]
        for i, start in enumerate(starts):
            paired = _with_pair(without[i], start, end, skew_us) or (0, 0)
            row.append(max(row[i], without[i + 1], paired))
        best.append(row)
    return best


def _with_pair(rest: tuple[int, int], start: Instant, end: Instant, skew_us: int) -> tuple[int, int] | None:
    """Give the worth of one more pair, or None where the two may not be paired."""
    if start > end + skew_us:
        return None
    return rest[0] + 1, rest[1] - (start > end)
