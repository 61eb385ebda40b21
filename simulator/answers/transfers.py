"""What ``refer_outcomes`` must say."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate

from simulator.answers.asked import Asked, Row, last_if_none
from simulator.answers.figures import ms, rank, rate, share
from simulator.truth import TrueRefer, Truth

UNDECIDED = ("unconfirmed_call_ended", "unconfirmed_timeout", "superseded_no_terminal")


def rows(truth: Truth, asked: Asked) -> list[Row]:
    """Give the report's rows."""
    legs = {leg.call_leg_id: leg for leg in truth.legs()}
    items = ((row.started_at, legs[row.call_leg_id], row) for row in truth.refer_attempts())
    groups = asked.grouped(items).items()
    return [{**asked.named(group), **_figures(its), **outcome} for group, its in groups for outcome in _outcomes(its)]


def _figures(attempts: Sequence[TrueRefer]) -> Row:
    outcomes = Counter(row.outcome for row in attempts)
    unconfirmed = sum(outcomes[outcome] for outcome in UNDECIDED)
    decided = len(attempts) - outcomes["pending"] - unconfirmed
    times = [row.terminal_at - row.started_at for row in attempts if row.terminal_at is not None]
    return {
        "attempts_count": len(attempts),
        "legs_count": (legs := len({row.call_leg_id for row in attempts})),
        "attempts_per_leg": share(len(attempts), legs),
        "completed_count": outcomes["completed"],
        "failed_count": decided - outcomes["completed"],
        "pending_count": outcomes["pending"],
        "unconfirmed_count": unconfirmed,
        **rate(outcomes["completed"], decided, "success"),
        "unconfirmed_share": share(unconfirmed, len(attempts)),
        "time_to_terminal_known_count": len(times),
        "time_to_terminal_median_ms": ms(rank(times, 50)),
        "time_to_terminal_p95_ms": ms(rank(times, 95)),
        "provisional_count": 0,
    }


def _outcomes(attempts: Sequence[TrueRefer]) -> Iterator[Row]:
    """Give a row an outcome and code, the most frequent first; one without any where nobody tried."""
    counted: list[tuple[tuple[str | None, int | None], int]] = [
        *Counter((row.outcome, row.final_code) for row in attempts).items()
    ] or [((None, None), 0)]
    ranked = sorted(counted, key=lambda each: [(False, -each[1]), *last_if_none(each[0])])
    reached = accumulate(count for _, count in ranked)
    for ((outcome, code), count), so_far in zip(ranked, reached, strict=True):
        yield {
            "outcome": outcome,
            "final_code": code,
            "outcome_count": count,
            "outcome_share": share(count, len(attempts)),
            "cumulative_share": share(so_far, len(attempts)),
        }
