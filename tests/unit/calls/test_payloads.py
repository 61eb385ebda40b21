"""Reading fields of payloads: any JSON gives a value or None."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import payloads

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(JSON)
def test_any_value_is_read_without_error(value: Any) -> None:
    """No JSON value breaks a reader, and each keeps to its type."""
    assert isinstance(payloads.text(value), str | None)
    status = payloads.sip_status(value)
    assert status is None or 0 <= status <= 9999
    string = payloads.string({"field": value}, "field")
    assert string is None or (string == value and string)
    assert payloads.first_string([{}, {"field": value}], "field") == string


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (486, 486),
        ("486", 486),
        (" 486 ", 486),
        (0, 0),
        (True, None),
        (486.0, None),
        ("\u0664\u0668\u0666", None),
        ("-1", None),
        ("", None),
        (10_000, None),
    ],
)
def test_sip_status_is_a_number_or_digits(value: Any, status: int | None) -> None:
    """Only whole numbers of at most four ASCII digits are statuses."""
    assert payloads.sip_status(value) == status


def test_text_too_deep_to_write_is_none() -> None:
    """A value nested deeper than JSON is written here says nothing."""
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    assert payloads.text(deep) is None
