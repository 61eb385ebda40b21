"""What the page says of the log: silence is not health."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from callaudit.metrics import page
from callaudit.metrics.counters import Counters
from reports import scheduled
from store.heartbeats import Beat
from store.standing import Standing


def beat(duty: str, age: float, *, waiting: float | None = None, position: int = 0, stopped: bool = False) -> Beat:
    """Give a beat so many seconds old, that knows of an event waiting for so many."""
    now = datetime.now(UTC)
    alive_at = now - timedelta(seconds=age)
    oldest = None if waiting is None else now - timedelta(seconds=waiting)
    return Beat(
        process=uuid4(),
        duty=duty,
        since=alive_at,
        alive_at=alive_at,
        oldest_waiting=oldest,
        position=position,
        stopped=stopped,
    )


def figures(standing: Standing | None, schedules: scheduled.Standing | None = None) -> dict[str, float]:
    """Read what a scrape says of the log and of schedules, in whole seconds."""
    families = text_string_to_metric_families(page.render(Counters(None), standing, schedules).decode())
    samples = (sample for family in families for sample in family.samples)
    return {" ".join([s.name.removeprefix("callaudit_"), *s.labels.values()]): round(s.value) for s in samples}


def test_worker_that_is_well_is_alive_and_hardly_behind() -> None:
    """Nothing waits: no lag, but for the age of what was last heard."""
    beats = {duty: beat(duty, 1, position=7) for duty in ("project", "seal")}
    said = figures(Standing(position=7, sealed=7, beats=beats))
    expected = {
        "log_reachable": 1,
        "log_position": 7,
        "worker_alive project": 1,
        "worker_alive seal": 1,
        "unsealed_events": 0,
        "seal_lag_seconds": 0,
        "projection_lag_seconds": 1,
        "oldest_unprojected_seconds": 0,
    }
    assert expected.items() <= said.items()


def test_lags_are_those_of_the_oldest_event_that_waits() -> None:
    """As the worker said it, who reads the log."""
    beats = {"project": beat("project", 1, waiting=30, position=5), "seal": beat("seal", 1, waiting=9, position=4)}
    said = figures(Standing(position=7, sealed=4, beats=beats))
    expected = {
        "unsealed_events": 3,
        "seal_lag_seconds": 9,
        "projection_lag_seconds": 30,
        "oldest_unprojected_seconds": 30,
    }
    assert expected.items() <= said.items()


@pytest.mark.parametrize("stopped", [False, True], ids=["silent", "stopped"])
def test_worker_that_is_gone_is_not_alive_and_ever_further_behind(stopped: bool) -> None:
    """Events that came since its last beat have waited since then at most, and are taken to have."""
    age = 2 if stopped else 60
    beats = {duty: beat(duty, age, position=5, stopped=stopped) for duty in ("project", "seal")}
    said = figures(Standing(position=7, sealed=5, beats=beats))
    expected = {
        "worker_alive project": 0,
        "worker_alive seal": 0,
        "seal_lag_seconds": age,
        "projection_lag_seconds": age,
        "oldest_unprojected_seconds": age,
    }
    assert expected.items() <= said.items()


def test_duty_nobody_was_ever_at_is_not_alive() -> None:
    """There is no lag to tell, and no silence taken for health."""
    said = figures(Standing(position=7, sealed=0, beats={}))
    assert (said["worker_alive project"], said["worker_alive seal"], said["unsealed_events"]) == (0, 0, 7)
    assert not any("lag" in name for name in said)


def test_log_that_is_away_is_said_so() -> None:
    """Nothing else of it is told: old figures would look like good ones."""
    said = figures(None)
    assert said["log_reachable"] == 0
    assert not any(name.startswith(("worker_alive", "log_position", "unsealed")) for name in said)


@pytest.mark.parametrize(("since", "late"), [(None, 0), (-90, 90), (3_600, 0)], ids=["none", "overdue", "to come"])
def test_reports_are_late_by_the_oldest_due_time_that_waits(since: int | None, late: int) -> None:
    """Whether its run fails or nobody is there to take it; one that is still to come is not late."""
    waiting = None if since is None else datetime.now(UTC) + timedelta(seconds=since)
    said = figures(None, scheduled.Standing(waiting_since=waiting, failed=2, given_up=1))
    assert (said["report_late_seconds"], said["reports_failed"], said["reports_given_up"]) == (late, 2, 1)
    assert not any(name.startswith("report") for name in figures(None))
