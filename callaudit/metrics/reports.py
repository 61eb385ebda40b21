"""What a scrape shows of schedules: how late the oldest due time is, and how many runs failed."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from reports.scheduled import Standing


class Schedules(Collector):
    """Collects what was looked up; None, while the database is away, is no figure."""

    def __init__(self, standing: Standing | None, now: datetime) -> None:
        self._standing = standing
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Give the figures."""
        if self._standing is None:
            return
        since = self._standing.waiting_since
        late = 0.0 if since is None else max(0.0, (self._now - since).total_seconds())
        yield _gauge("report_late_seconds", "For how long the oldest due time of a schedule has waited", late)
        yield _gauge("reports_failed", "Runs of schedules that failed and are tried again", self._standing.failed)
        yield _gauge(
            "reports_given_up", "Runs of schedules that were given up in the last day", self._standing.given_up
        )


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"callaudit_{name}", meaning, value=value)
