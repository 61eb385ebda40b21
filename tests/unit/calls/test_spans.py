"""Sets of time: what joins, cuts and counts them agrees with counting instants one by one."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from calls import spans
from calls.spans import Span, Spans

ANY = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=6)
SETS = ANY.map(spans.union)


def instants(of: list[Span] | Spans) -> set[int]:
    """Give every instant that some span holds."""
    return {at for start, end in of for at in range(start, end)}


def tidy(of: Spans) -> bool:
    """Tell whether spans are none of them empty, in order, and apart."""
    return all(start < end for start, end in of) and all(a[1] < b[0] for a, b in pairwise(of))


@given(ANY)
def test_union_holds_what_any_span_holds(of: list[Span]) -> None:
    """Spans in any order become a tidy set of the same instants."""
    joined = spans.union(of)
    assert tidy(joined)
    assert instants(joined) == instants(of)
    assert spans.length_us(joined) == len(instants(of))


@given(SETS, SETS)
def test_sets_are_cut_by_each_other(these: Spans, those: Spans) -> None:
    """What is in both and what is in one alone are tidy, and hold just those instants."""
    both, first = spans.intersect(these, those), spans.subtract(these, those)
    assert tidy(both)
    assert tidy(first)
    assert instants(both) == instants(these) & instants(those)
    assert instants(first) == instants(these) - instants(those)


@given(st.lists(SETS, max_size=4), st.integers(1, 3))
def test_at_least_counts_the_sets_an_instant_lies_in(sets: list[Spans], count: int) -> None:
    """An instant is given where that many sets or more hold it."""
    found = spans.at_least(sets, count)
    assert tidy(found)
    assert instants(found) == {at for at in range(13) if sum(at in instants(each) for each in sets) >= count}
