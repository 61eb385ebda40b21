"""What ``call_volume`` must say."""

from collections import Counter
from collections.abc import Sequence

from simulator.answers.asked import Asked, Row
from simulator.answers.figures import ms, rank, rate, total
from simulator.truth import TrueLeg, Truth

BUCKETS = {
    "user_busy": "user_busy",
    "no_answer": "ring_no_answer",
    "call_rejected": "terminal_reject_or_unavailable",
    "originator_cancel": "abandoned",
    "not_found": "other",  # names of Telnyx's own have no Q.850 code
    "timeout": "other",
}
"""Why an unanswered call ended, as sent -> what it says of the network (domain 7.2)."""

_ALL = (
    "user_busy",
    "ring_no_answer",
    "terminal_reject_or_unavailable",
    "abandoned",
    "dialled_number",
    "network_failure",
    "other",
)
_EFFECTIVE = _ALL[:3]


def rows(truth: Truth, asked: Asked) -> list[Row]:
    """Give the report's rows."""
    items = ((leg.shown_at, leg, leg) for leg in truth.legs())
    return [{**asked.named(group), **_row(its)} for group, its in asked.grouped(items).items()]


def _row(legs: Sequence[TrueLeg]) -> Row:
    directions = Counter(leg.direction for leg in legs)
    unanswered = [leg for leg in legs if leg.status == "ended_unanswered"]
    answered = sum(leg.answered_at is not None for leg in legs)
    buckets = Counter(BUCKETS[leg.hangup_cause or ""] for leg in unanswered)
    effective = answered + sum(buckets[name] for name in _EFFECTIVE)
    seizures = answered + len(unanswered)
    return {
        "legs_count": len(legs),
        "incoming_count": directions["incoming"],
        "outgoing_count": directions["outgoing"],
        "direction_unknown_count": directions[None],
        "answered_count": answered,
        "unanswered_count": len(unanswered),
        "undecided_count": len(legs) - seizures,
        **rate(answered, seizures, "answer_seizure"),
        **rate(effective, seizures, "network_effectiveness"),
        **{f"{name}_count": buckets[name] for name in _ALL},
        **_times(legs),
        "provisional_count": 0,
    }


def _times(legs: Sequence[TrueLeg]) -> Row:
    talk = [leg.talk_us for leg in legs if leg.talk_us is not None]
    delays = [
        leg.answered_at - leg.initiated_at
        for leg in legs
        if leg.initiated_at is not None and leg.answered_at is not None and leg.initiated_at <= leg.answered_at
    ]
    return {
        "talk_known_count": len(talk),
        "talk_sum_ms": ms(total(talk)),
        "talk_mean_ms": ms(sum(talk) // len(talk)) if talk else None,
        "talk_median_ms": ms(rank(talk, 50)),
        "talk_p90_ms": ms(rank(talk, 90)),
        "answer_delay_known_count": len(delays),
        "answer_delay_median_ms": ms(rank(delays, 50)),
        "answer_delay_p95_ms": ms(rank(delays, 95)),
    }
