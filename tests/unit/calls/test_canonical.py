"""The canonical form of JSON."""

import json
from random import Random

import orjson
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from calls import canonical

_SAFE = 2**53 - 1
_KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
_LEAVES = st.none() | st.booleans() | st.integers(-_SAFE, _SAFE) | st.text(max_size=8)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_encode_is_rfc8785_when_the_value_is_in_its_domain(value: object) -> None:
    """ASCII keys, integers within 2^53 and no floats give the bytes of RFC 8785."""
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(_VALUES)
def test_encode_is_stable_when_read_back(value: object) -> None:
    """Reading and writing the canonical form changes nothing."""
    written = canonical.encode(value)
    assert written is not None
    assert canonical.encode(orjson.loads(written)) == written


@given(st.dictionaries(_KEYS, _LEAVES, min_size=2), st.randoms(use_true_random=False))
def test_encode_ignores_the_order_of_keys(value: dict[str, object], random: Random) -> None:
    """The same members in another order, spaced otherwise, have one canonical form."""
    shuffled = list(value.items())
    random.shuffle(shuffled)
    assert canonical.encode(orjson.loads(json.dumps(dict(shuffled), indent=2))) == canonical.encode(value)


def test_encode_gives_none_when_nested_too_deeply() -> None:
    """What orjson can read but not write has no canonical form."""
    assert canonical.encode(orjson.loads(b"[" * 254 + b"]" * 254)) is not None
    assert canonical.encode(orjson.loads(b"[" * 255 + b"]" * 255)) is None
