"""The reports' true figures conserve the true rows."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from simulator import Simulation, SiprecSessions


def test_siprec_sessions_conserve_rows_and_durations(afternoon: Simulation) -> None:
    """Sessions and failed attempts add up to the rows, known durations to their sum."""
    rows = list(afternoon.truth.siprec_sessions())
    groups = afternoon.answers.siprec_sessions
    assert sum(group.sessions + group.failed_attempts for group in groups) == len(rows)
    assert sum((Counter(group.by_status) for group in groups), Counter()) == Counter(row.status for row in rows)
    known = [row.duration_us for row in rows if row.duration_us is not None]
    assert sum(group.total_us for group in groups) == sum(known) > 0
    assert {group.utc_day for group in groups} == {"2026-01-15"}


def test_refer_outcomes_conserve_attempts(afternoon: Simulation) -> None:
    """Outcomes and codes both add up to the attempts, and the undecided are left out of the rate."""
    groups = afternoon.answers.refer_outcomes
    rows = list(afternoon.truth.refer_attempts())
    assert sum(group.attempts for group in groups) == len(rows)
    for group in groups:
        assert sum(group.by_outcome.values()) == sum(group.by_code.values()) == group.attempts
        assert 0 < group.completed <= group.decided < group.attempts
    told = [row for row in rows if row.terminal_at is not None]
    assert sum(group.decided for group in groups) == len(told)
    assert sum(len(group.times_to_terminal_us) for group in groups) == len(told)


def test_failure_causes_conserve_failures(afternoon: Simulation) -> None:
    """Every failed attempt and broken session has its cause counted, whatever its spelling."""
    failures = [row for row in afternoon.truth.siprec_sessions() if row.status in {"failed", "failed_midway"}]
    causes = afternoon.answers.failure_causes
    assert sum(causes.values()) == len(failures)
    assert {("USER_BUSY", "user_busy"), ("UNKNOWN", "recorder out of tape")} <= set(causes)


def test_hangup_causes_conserve_unanswered_legs(afternoon: Simulation) -> None:
    """Every unanswered leg has its cause counted."""
    unanswered = [leg for leg in afternoon.truth.legs() if leg.status == "ended_unanswered"]
    assert sum(afternoon.answers.hangup_causes.values()) == len(unanswered)


@given(durations=st.lists(st.integers(0, 10**9), min_size=1), percent=st.integers(1, 100))
def test_quantile_is_the_least_that_enough_do_not_exceed(durations: list[int], percent: int) -> None:
    """Nearest rank: at least the share lies at or below it, and no smaller value will do."""
    group = SiprecSessions(
        connection_id="1",
        utc_day="2026-01-15",
        sessions=len(durations),
        failed_attempts=0,
        by_status={},
        durations_us=tuple(sorted(durations)),
    )
    quantile = group.quantile_us(percent)
    assert quantile is not None
    assert sum(one <= quantile for one in durations) * 100 >= percent * len(durations)
    assert sum(one < quantile for one in durations) * 100 < percent * len(durations)
