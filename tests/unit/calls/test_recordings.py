"""Native recordings, with and without a leg, with and without an extent."""

from typing import Any

import pytest

from calls.fold import fold
from calls.records import NativeRecording
from tests.unit.calls import made

START, END = "1970-01-01T00:00:02.000000Z", "1970-01-01T00:01:00.000000Z"


def recording(event_type: str = "call.recording.saved", **payload: Any) -> NativeRecording:
    """Give the one row that one event makes."""
    (row,) = fold([made.event(event_type, 70_000, **payload)], 0).native_recordings
    return row


def test_saved_recording_has_its_extent() -> None:
    """A saved recording tells from when to when it ran and in how many channels."""
    row = recording(recording_started_at=START, recording_ended_at=END, channels="dual")
    assert (row.status, row.started_at, row.ended_at, row.channels, row.flags) == (
        "saved",
        2_000_000,
        60_000_000,
        "dual",
        (),
    )


@pytest.mark.parametrize(
    "times",
    [
        {},
        {"recording_started_at": START},
        {"recording_ended_at": END},
        {"recording_started_at": "yesterday", "recording_ended_at": END},
        {"recording_started_at": END, "recording_ended_at": START},
    ],
)
def test_extent_is_unknown_when_a_time_is_missing_or_wrong(times: dict[str, str]) -> None:
    """Without two usable times in order nobody knows what was recorded."""
    assert recording(**times).flags == ("native_extent_unknown",)


@pytest.mark.parametrize("field", ["reason", "result"])
def test_failed_recording_gives_its_reason(field: str) -> None:
    """A recording error is a row of its own, with the reason in either spelling."""
    row = recording("call.recording.error", **{field: "Internal server error"})
    assert (row.status, row.reason, row.flags) == ("error", "Internal server error", ())


def test_recording_that_names_no_leg_belongs_to_the_session() -> None:
    """Such a recording is kept, and flagged on its row and on the session."""
    record = fold(
        made.numbered(
            made.event("call.initiated", 0),
            made.event(
                "conference.recording.saved",
                9,
                call_leg_id=None,
                recording_started_at=START,
                recording_ended_at=END,
            ),
        ),
        0,
    )
    (row,) = record.native_recordings
    assert (row.call_leg_id, row.call_session_id, row.seq, row.flags) == (
        None,
        "ses-1",
        1,
        ("recording_without_leg",),
    )
    assert record.call_sessions[0].flags == ("recording_without_leg",)
