"""The pairing of ends with starts, against every pairing there is."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from calls import pairing

SKEW = 3
TIMES = st.lists(st.integers(0, 12), max_size=5).map(sorted)


def pairings(starts: list[int], ends: list[int], j: int = 0, free_from: int = 0) -> Iterator[dict[int, int]]:
    """Yield every pairing of ends with starts that does not cross and respects the skew."""
    if j == len(ends):
        yield {}
        return
    yield from pairings(starts, ends, j + 1, free_from)
    for i in range(free_from, len(starts)):
        if starts[i] <= ends[j] + SKEW:
            for rest in pairings(starts, ends, j + 1, i + 1):
                yield {j: i, **rest}


def rank(pairs: dict[int, int], starts: list[int], ends: list[int]) -> tuple[int, int, list[int]]:
    """Say how good a pairing is, word for word as the rule has it."""
    skewed = sum(starts[i] > ends[j] for j, i in pairs.items())
    latest = [pairs.get(j, -1) for j in reversed(range(len(ends)))]
    return len(pairs), -skewed, latest


@given(TIMES, TIMES)
def test_pair_is_the_best_of_all_pairings(starts: list[int], ends: list[int]) -> None:
    """Of all pairings without crossings: most pairs, least skew, then latest starts from the last end on."""
    best = max(pairings(starts, ends), key=lambda pairs: rank(pairs, starts, ends))
    assert pairing.pair(starts, ends, SKEW) == best


@given(TIMES, TIMES)
def test_nearest_is_the_nearest_of_all_pairings(starts: list[int], ends: list[int]) -> None:
    """Of all pairings without crossings: most pairs, least skew, then the least time between ends and starts."""

    def worth(pairs: dict[int, int]) -> tuple[int, int, int]:
        apart = sum(abs(ends[j] - starts[i]) for j, i in pairs.items())
        return *rank(pairs, starts, ends)[:2], -apart

    found = pairing.nearest(starts, ends, SKEW)
    assert found in list(pairings(starts, ends))
    assert worth(found) == max(map(worth, pairings(starts, ends)))


def test_nearest_leaves_later_ends_to_themselves() -> None:
    """One start belongs to the first end after it, and the last of two starts to the one end after both."""
    assert pairing.nearest([5], [6, 30], SKEW) == {0: 0}
    assert pairing.nearest([5, 20], [21], SKEW) == {0: 1}


def test_pair_gives_ends_in_order_to_the_last_starts() -> None:
    """Two ends after three starts belong to the last two starts, in order."""
    assert pairing.pair([1, 2, 3], [10, 11], SKEW) == {0: 1, 1: 2}


def test_pair_prefers_more_pairs_to_later_starts() -> None:
    """An end gives up its latest start where another end would otherwise go without."""
    assert pairing.pair([0, 10], [1, 12], SKEW) == {0: 0, 1: 1}


def test_pair_takes_a_later_start_only_within_the_skew() -> None:
    """A start at most the skew later is taken, one later than that is not."""
    assert pairing.pair([SKEW], [0], SKEW) == {0: 0}
    assert pairing.pair([SKEW + 1], [0], SKEW) == {}


def test_pair_prefers_a_start_before_the_end_to_one_after_it() -> None:
    """The skew is used only where it gains a pair."""
    assert pairing.pair([5, 11], [10], SKEW) == {0: 0}
