"""Made-up names have the forms of real ones."""

import random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from simulator.identities import Identities


@given(seed=st.integers(), at=st.integers(0, 4_000_000_000_000_000))
def test_leg_id_is_a_uuid_of_its_moment(seed: int, at: int) -> None:
    """A version 1 UUID tells the microsecond it was made at."""
    made = UUID(Identities(random.Random(seed)).leg_id(at))
    assert made.version == 1
    assert made.variant == "specified in RFC 4122"
    assert (made.time - 0x01B21DD213814000) // 10 == at


def test_numbers_are_fictional() -> None:
    """Every number is of the range kept for fiction."""
    name = Identities(random.Random(5))
    numbers = {name.number() for _ in range(500)}
    assert len(numbers) > 300
    assert all(number[0:2] == "+1" and number[5:10] == "55501" and len(number) == 12 for number in numbers)


def test_connection_id_does_not_fit_a_double() -> None:
    """A reader that takes it for a number loses digits."""
    made = Identities(random.Random(5)).connection_id()
    assert len(made) == 19
    assert int(made) > 2**53
