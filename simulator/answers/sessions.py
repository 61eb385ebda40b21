"""What ``siprec_sessions`` must say."""

from collections import Counter
from collections.abc import Sequence

from simulator.answers.asked import Asked, Row
from simulator.answers.figures import ms, rank, rate, total
from simulator.truth import TrueSiprec, Truth

_ENDINGS = ("open", "stopped", "closed_by_hangup", "failed_midway", "stopped_without_start", "stale_open")


def rows(truth: Truth, asked: Asked) -> list[Row]:
    """Give the report's rows."""
    legs = {leg.call_leg_id: leg for leg in truth.legs()}
    items = ((row.shown_at, legs[row.call_leg_id], row) for row in truth.siprec_sessions())
    return [{**asked.named(group), **_row(its)} for group, its in asked.grouped(items).items()]


def _row(attempts: Sequence[TrueSiprec]) -> Row:
    statuses = Counter(row.status for row in attempts)
    sessions = [row for row in attempts if row.status != "failed"]
    durations = [row.duration_us for row in sessions if row.duration_us is not None]
    return {
        "attempts_count": len(attempts),
        "sessions_count": len(sessions),
        "failed_count": statuses["failed"],
        **rate(len(sessions), len(attempts), "start_success"),
        **{f"{ending}_count": statuses[ending] for ending in _ENDINGS},
        "duration_known_count": len(durations),
        "duration_unknown_count": len(sessions) - len(durations),
        "duration_sum_ms": ms(total(durations)),
        "duration_median_ms": ms(rank(durations, 50)),
        "duration_p95_ms": ms(rank(durations, 95)),
        "provisional_count": 0,
    }
