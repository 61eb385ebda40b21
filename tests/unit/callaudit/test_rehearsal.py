"""The demo's comparison of what the double did with the record: it notices what must not be."""

from typing import Any

import pytest

from callaudit import rehearsal
from simulator.upstream import Done, Double

REFER = Done("v3:1", "refer", b"", 0, 200, done=True)
RECORDED = {"action": "refer", "state": "confirmed", "recorded_state": "confirmed"}


class _Serving:
    def __init__(self, *commands: Done) -> None:
        self.double = Double(lambda: 0, commands=list(commands))


@pytest.mark.parametrize(
    ("did", "recorded", "differences"),
    [
        ([REFER], [RECORDED], []),
        ([REFER], [], ["refer: the double did 1, the record says 0"]),
        ([REFER, REFER], [RECORDED], ["refer: the double did 2, the record says 1"]),
        ([], [RECORDED], ["refer: the double did 0, the record says 1"]),
        ([], [{**RECORDED, "state": "refused", "recorded_state": "refused"}], []),
        ([REFER], [{**RECORDED, "recorded_state": "accepted"}], ["refer is still confirmed"]),
        ([REFER], [{**RECORDED, "state": "in_doubt", "recorded_state": "in_doubt"}], ["refer is still in_doubt"]),
    ],
)
def test_each_difference_is_named(did: list[Done], recorded: list[dict[str, Any]], differences: list[str]) -> None:
    """Unrecorded, done twice, never done, and not at its end on record."""
    assert rehearsal.differences(_Serving(*did), recorded) == differences  # pyright: ignore[reportArgumentType]
