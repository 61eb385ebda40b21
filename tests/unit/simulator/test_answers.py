"""The reports' true figures conserve the true rows, whatever they are broken down by."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import Asked, Simulation, answer, hear
from simulator.answers import figures

BREAKDOWNS: tuple[tuple[str, ...], ...] = ((), ("day",), ("connection", "day"), ("week", "number"))

# Midnight in Tokyo is at 15:00 UTC, amid the calls.
PERIOD = (date(2026, 1, 14), date(2026, 1, 18), "Asia/Tokyo")

several = pytest.mark.parametrize("by", BREAKDOWNS, ids=str)


def rows(afternoon: Simulation, report: str, by: Sequence[str] = ()) -> Sequence[dict[str, Any]]:
    """Give the true rows of a report."""
    return answer(report, afternoon.truth, Asked(*PERIOD, tuple(by)), hear(afternoon.deliveries))


def total(found: Sequence[dict[str, Any]], *columns: str) -> int:
    """Add up columns."""
    return sum(row[column] for row in found for column in columns)


@several
def test_coverage_conserves_legs_and_talk(afternoon: Simulation, by: tuple[str, ...]) -> None:
    """Every leg has one verdict and every microsecond of judged talk is of one kind, on one day."""
    found, legs = rows(afternoon, "recording_coverage", by), list(afternoon.truth.coverage())
    assert total(found, "legs_count") == len(legs)
    for verdict, count in Counter(leg.verdict for leg in legs).items():
        assert total(found, f"{verdict}_count") == count
    talk_us = sum(leg.answered_us or 0 for leg in legs if leg.verdict != "not_eligible")
    assert talk_us // 1000 - len(found) < total(found, "talk_ms") <= talk_us // 1000
    assert len({row.get("day") for row in found if row["legs_count"]}) == (2 if "day" in by else 1)


@several
def test_calls_sessions_and_transfers_are_conserved(afternoon: Simulation, by: tuple[str, ...]) -> None:
    """Each leg, session and attempt is in one group, and counts in one column."""
    counts = afternoon.truth.counts()
    volume, sessions = rows(afternoon, "call_volume", by), rows(afternoon, "siprec_sessions", by)
    assert total(volume, "answered_count", "unanswered_count", "undecided_count") == counts["call_legs"]
    assert total(sessions, "sessions_count", "failed_count") == counts["siprec_sessions"]
    assert total(rows(afternoon, "refer_outcomes", by), "outcome_count") == counts["refer_attempts"]


@several
def test_causes_conserve_failures(afternoon: Simulation, by: tuple[str, ...]) -> None:
    """Every failed attempt, broken session, refused transfer and unanswered call has its cause counted."""
    found = rows(afternoon, "failure_causes", by)
    broken = [row for row in afternoon.truth.siprec_sessions() if row.status in {"failed", "failed_midway"}]
    assert total([row for row in found if row["subject"] == "siprec"], "failures_count") == len(broken)
    unanswered = [leg for leg in afternoon.truth.legs() if leg.status == "ended_unanswered"]
    assert total([row for row in found if row["subject"] == "leg"], "failures_count") == len(unanswered)


def test_exceptions_are_the_legs_that_are_not_full(afternoon: Simulation) -> None:
    """One line each, by time, with the position of every webhook that speaks of its recording."""
    lines = rows(afternoon, "coverage_exceptions")
    fine = {"full", "not_eligible"}
    assert len(lines) == sum(leg.verdict not in fine for leg in afternoon.truth.coverage()) > 100
    answered = [line["answered_at_utc"] for line in lines if line["answered_at_utc"]]
    assert answered == sorted(answered)
    assert all(line["positions"] for line in lines)


def test_log_counts_are_those_of_the_totals(afternoon: Simulation) -> None:
    """The rows of measures say what the totals say."""
    said = {row["measure"]: row["measured_count"] for row in rows(afternoon, "log_integrity") if row["detail"] is None}
    log = afternoon.truth.log
    assert said["events"] == log.stored
    for measure in set(said) & {field for field in log.__dataclass_fields__ if field != "rejected"}:
        assert said[measure] == getattr(log, measure), measure


@given(durations=st.lists(st.integers(0, 10**9), min_size=1), percent=st.integers(1, 100))
def test_quantile_is_the_least_that_enough_do_not_exceed(durations: list[int], percent: int) -> None:
    """Nearest rank: at least the share lies at or below it, and no smaller value will do."""
    quantile = figures.rank(durations, percent)
    assert quantile is not None
    assert sum(one <= quantile for one in durations) * 100 >= percent * len(durations)
    assert sum(one < quantile for one in durations) * 100 < percent * len(durations)
