"""The rows that each report must have, in their order and column by column, worked out from the true rows.

Nothing here is shared with the reports. They hold for a world that has settled: nothing is pending or provisional.
"""

from collections.abc import Mapping, Sequence

from calls.instants import Instant
from simulator.answers import causes, exceptions, log, recording, sessions, transfers, volume
from simulator.answers.asked import Asked, Row
from simulator.answers.log import Counted
from simulator.hearing import Heard
from simulator.truth import Truth

__all__ = ["LISTS", "ONLY_BY_TIME", "Asked", "Counted", "Row", "answer"]

LISTS = ("coverage_exceptions", "command_audit")
"""Reports of lines, without breakdowns."""

ONLY_BY_TIME = ("log_integrity",)
"""Reports that know no connection and no number."""


def answer(
    report: str, truth: Truth, asked: Asked, heard: Sequence[Heard] = (), more: Sequence[tuple[Instant, Counted]] = ()
) -> Sequence[Row]:
    """Give the true rows of a report.

    ``heard`` is what the log took and when, ``more`` what else is on the record: only they tell what ``log_integrity``
    counts, and where the lines of ``coverage_exceptions`` stand in the log.
    """
    by_calls = {
        "recording_coverage": recording.rows,
        "call_volume": volume.rows,
        "siprec_sessions": sessions.rows,
        "refer_outcomes": transfers.rows,
        "failure_causes": causes.rows,
    }
    of_log: Mapping[str, Sequence[Row]] = {"command_audit": ()}
    if report in by_calls:
        return by_calls[report](truth, asked)
    if report == "coverage_exceptions":
        return exceptions.rows(truth, asked, heard)
    return log.rows(heard, asked, more) if report == "log_integrity" else of_log[report]
