"""What the demo compares of a log whose webhooks arrive as they arrive."""

import pytest

from callaudit import report_comparison


@pytest.mark.parametrize(
    ("measure", "detail", "foreseen"),
    [
        ("events", "call.hangup", True),
        ("id_conflicts", None, True),
        ("id_conflicts", "call.refer.failed", False),
        ("latency", None, False),
    ],
)
def test_what_depends_on_arrival_is_not_compared(measure: str, detail: str | None, foreseen: bool) -> None:
    """How many ids came twice is known; which of the two events came second is not."""
    assert report_comparison._is_foreseen({"measure": measure, "detail": detail}) is foreseen
