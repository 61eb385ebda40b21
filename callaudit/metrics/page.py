"""The page that is scraped: the sum over the processes of one listener, and how the log stands."""

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from callaudit.metrics.counters import Counters
from callaudit.metrics.reports import Schedules
from reports import scheduled
from store.standing import WORK, Standing

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(counters: Counters, standing: Standing | None, schedules: scheduled.Standing | None = None) -> bytes:
    """Write the page; ``standing`` and ``schedules`` are None while the log cannot be reached."""
    looked_up, now = CollectorRegistry(), datetime.now(UTC)
    looked_up.register(_Standing(standing, now))
    looked_up.register(Schedules(schedules, now))
    if counters.place is None:
        return generate_latest(counters.registry) + generate_latest(looked_up)
    counted = CollectorRegistry()
    MultiProcessCollector(counted, path=str(counters.place.directory))
    return generate_latest(counted) + generate_latest(looked_up)


class _Standing(Collector):
    def __init__(self, standing: Standing | None, now: datetime) -> None:
        self._standing = standing
        self._now = now

    def collect(self) -> Iterator[Metric]:
        yield _gauge(
            "log_reachable", "1: the log answered this scrape; 0: what follows is unknown", self._standing is not None
        )
        if self._standing is not None:
            yield from _figures(self._standing, self._now)


def _figures(standing: Standing, now: datetime) -> Iterator[Metric]:
    alive = GaugeMetricFamily("callaudit_worker_alive", "1: somebody is at this duty", labels=["duty"])
    for duty in WORK:
        there = duty in standing.beats and standing.silent_since(duty, now) is None
        alive.add_metric([duty], float(there))
    yield alive
    yield _gauge("log_position", "Position of the next event: as many are in the log", standing.position)
    yield _gauge("unsealed_events", "Events under no checkpoint yet", max(0, standing.position - standing.sealed))
    if "seal" in standing.beats:
        lag = _age(standing.waiting_since("seal"), now)
        yield _gauge("seal_lag_seconds", "For how long the oldest event under no checkpoint has waited", lag)
    if "project" in standing.beats:
        beat, waiting = standing.beats["project"], standing.waiting_since("project")
        lag = _age(waiting or beat.alive_at, now)
        yield _gauge("projection_lag_seconds", "How far the read models are behind: older events are in them", lag)
        oldest = _age(waiting, now)
        yield _gauge(
            "oldest_unprojected_seconds", "For how long the oldest event not in the read models has waited", oldest
        )


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"callaudit_{name}", meaning, value=value)
