"""What ``recording_coverage`` must say: legs on the day of their answer, talk time on the day it was talked."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from calls.instants import Instant
from simulator.answers.asked import Asked, Row
from simulator.answers.figures import ms, rank, rate, share
from simulator.coverage import KINDS
from simulator.truth import TrueCoverage, Truth

JUDGED = ("full", "full_inferred", "partial_track", "partial", "unknown", "unrecorded")


class _Piece(NamedTuple):
    """Talk of one kind on one day."""

    kind: str
    us: int


def rows(truth: Truth, asked: Asked) -> list[Row]:
    """Give the report's rows."""
    groups = asked.grouped(_items(truth.coverage(), asked)).items()
    return [{**asked.named(group), **_row(items)} for group, items in groups]


def _items(legs: Iterable[TrueCoverage], asked: Asked) -> Iterator[tuple[Instant, Any, TrueCoverage | _Piece]]:
    for leg in legs:
        yield leg.shown_at, leg, leg
        for span in leg.spans if leg.verdict in JUDGED else ():
            for begin, us in asked.by_day(span.started_at, span.ended_at):
                yield begin, leg, _Piece(span.kind, us)


def _row(items: Sequence[TrueCoverage | _Piece]) -> Row:
    legs = [each for each in items if not isinstance(each, _Piece)]
    judged = [leg for leg in legs if leg.verdict in JUDGED]
    return {
        **_counts(legs, judged),
        **_rates(Counter(leg.verdict for leg in judged), len(judged)),
        **_talk(judged, [each for each in items if isinstance(each, _Piece)]),
        **_asides(legs, judged),
    }


def _counts(legs: Sequence[TrueCoverage], judged: Sequence[TrueCoverage]) -> Row:
    verdicts, grades = Counter(leg.verdict for leg in legs), Counter(leg.evidence_grade for leg in judged)
    why = Counter(leg.unrecorded_evidence for leg in legs)
    eligible = len(legs) - verdicts["not_in_scope"] - verdicts["not_eligible"]
    few = None if len(judged) >= 30 else "n < 30" if judged else "all pending"
    return {
        "legs_count": len(legs),
        "eligible_count": eligible,
        "judged_count": len(judged),
        **{f"{name}_count": verdicts[name] for name in ("not_in_scope", "not_eligible", "pending", *JUDGED)},
        "unrecorded_failure_count": why["explicit_failure"],
        "unrecorded_silence_count": why["absence_of_events"],
        "sample": few if eligible else "no eligible calls",
        **{f"grade_{grade.lower()}_count": grades[grade] for grade in "ABCD"},
        "provisional_count": 0,
    }


def _rates(verdicts: Counter[str], judged: int) -> Row:
    strict, unknown = verdicts["full"], verdicts["unknown"]
    usual = strict + verdicts["full_inferred"]
    return {
        **rate(strict, judged, "strict"),
        "strict_upper_share": share(strict + unknown, judged),
        **rate(usual, judged, "usual"),
        "usual_upper_share": share(usual + unknown, judged),
        "unknown_share": share(unknown, judged),
    }


def _talk(judged: Sequence[TrueCoverage], pieces: Iterable[_Piece]) -> Row:
    us = Counter[str]()
    for piece in pieces:
        us[piece.kind] += piece.us
    talk, known = us.total(), sum(leg.answered_us is not None for leg in judged)
    return {
        "talk_known_count": known,
        "talk_unknown_count": len(judged) - known,
        "talk_ms": ms(talk),
        **{f"{kind}_ms": ms(us[kind]) for kind in KINDS},
        "time_low_share": share(us["confirmed"], talk),
        "time_mid_share": share(us["confirmed"] + us["inferred"], talk),
        "time_high_share": share(us["confirmed"] + us["inferred"] + us["unknown"], talk),
        "pending_talk_ms": 0,
    }


def _asides(legs: Sequence[TrueCoverage], judged: Sequence[TrueCoverage]) -> Row:
    delays = [leg.start_delay_us // 1000 for leg in judged if leg.start_delay_us is not None]
    over = [leg.over_recorded_us or 0 for leg in legs if "over_recorded" in leg.flags]
    return {
        "start_delay_known_count": len(delays),
        "start_delay_median_ms": rank(delays, 50),
        "start_delay_p95_ms": rank(delays, 95),
        "recovered_count": sum(leg.recovery_us is not None for leg in judged),
        "double_covered_ms": ms(sum(leg.double_covered_us or 0 for leg in legs)),
        "over_recorded_count": len(over),
        "over_recorded_ms": ms(sum(over)),
    }
