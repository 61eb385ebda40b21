"""What ``siprec_sessions`` must say."""

from collections import Counter
from collections.abc import Mapping, Sequence

from simulator.answers.asked import Asked, Row
from simulator.answers.figures import ms, rank, rate, share, total
from simulator.truth import TrueSiprec, Truth

_ENDINGS = ("open", "stopped", "closed_by_hangup", "failed_midway", "stopped_without_start", "stale_open")


def rows(truth: Truth, asked: Asked) -> list[Row]:
    """Give the report's rows."""
    legs = {leg.call_leg_id: leg for leg in truth.legs()}
    tries = _tries(truth)
    items = ((row.shown_at, legs[row.call_leg_id], row) for row in truth.siprec_sessions())
    return [{**asked.named(group), **_row(its, tries)} for group, its in asked.grouped(items).items()]


def _tries(truth: Truth) -> Mapping[tuple[str, int], int]:
    """Give for each first session of a leg that was tried for in vain before how often it was."""
    of_leg: dict[str, list[TrueSiprec]] = {}
    for row in truth.siprec_sessions():
        of_leg.setdefault(row.call_leg_id, []).append(row)
    tries: dict[tuple[str, int], int] = {}
    for call_leg_id, its in of_leg.items():
        started = [row.status != "failed" for row in sorted(its, key=lambda row: row.seq)]
        if True in started and (vain := started.index(True)) > 0:
            tries[call_leg_id, vain + 1] = vain
    return tries


def _row(attempts: Sequence[TrueSiprec], tries: Mapping[tuple[str, int], int]) -> Row:
    statuses = Counter(row.status for row in attempts)
    sessions = [row for row in attempts if row.status != "failed"]
    durations = [row.duration_us for row in sessions if row.duration_us is not None]
    retried = [tries[key] for row in attempts if (key := (row.call_leg_id, row.seq)) in tries]
    midway = [row.duration_us for row in sessions if row.status == "failed_midway" and row.duration_us is not None]
    return {
        "attempts_count": len(attempts),
        "sessions_count": len(sessions),
        "failed_count": statuses["failed"],
        **rate(len(sessions), len(attempts), "start_success"),
        **{f"{ending}_count": statuses[ending] for ending in _ENDINGS},
        "retried_to_success_count": len(retried),
        "retries_to_success_count": sum(retried),
        "retries_to_success_mean": share(sum(retried), len(retried)),
        "midway_failures_per_hour": share(statuses["failed_midway"] * 3_600_000_000, sum(durations)),
        "time_to_failure_mean_ms": sum(midway) // len(midway) // 1000 if midway else None,
        "duration_known_count": len(durations),
        "duration_unknown_count": len(sessions) - len(durations),
        "duration_sum_ms": ms(total(durations)),
        "duration_median_ms": ms(rank(durations, 50)),
        "duration_p95_ms": ms(rank(durations, 95)),
        "provisional_count": 0,
    }
