"""Key presses and client states."""

from typing import Any

import pytest

from calls import marks
from tests.unit.calls import made

ABSENT = object()


def test_digits_are_counted_and_never_shown() -> None:
    """Presses and gathered digits give how many there were, and how the gathering ended."""
    events = made.numbered(
        made.event("call.dtmf.received", 1, digit="*"),
        made.event("call.answered", 2),
        made.event("call.gather.ended", 3, digits="****", status="valid"),
        made.event("call.gather.ended", 4, digits=None, status="timeout"),
    )
    rows = marks.dtmf(events, made.leg())
    assert [(row.seq, row.event_type, row.digit_count, row.status, row.positions) for row in rows] == [
        (1, "call.dtmf.received", 1, None, (0,)),
        (2, "call.gather.ended", 4, "valid", (2,)),
        (3, "call.gather.ended", None, "timeout", (3,)),
    ]


@pytest.mark.parametrize(
    ("stated", "rows"),
    [
        ([], []),
        ([None, "", ABSENT], []),
        (["a", "a", ABSENT, "a"], [(0, "a")]),
        (["a", "b", "a"], [(0, "a"), (1, "b"), (2, "a")]),
        ([None, "a", "", None, "a"], [(1, "a"), (2, None), (4, "a")]),
        ([{"x": 1}], [(0, '{"x":1}')]),
    ],
)
def test_client_state_has_a_row_for_each_change(stated: list[Any], rows: list[tuple[int, str | None]]) -> None:
    """A row for each change, from empty on; an event without the key changes nothing."""
    events = [
        made.event("call.speak.ended", at, position=at, **({} if state is ABSENT else {"client_state": state}))
        for at, state in enumerate(stated)
    ]
    changes = marks.client_states(events, made.leg())
    assert [(row.positions[0], row.value) for row in changes] == rows
    assert [row.seq for row in changes] == list(range(1, len(rows) + 1))
