"""What the policy makes of a leg's parts: the verdict and the grade of its evidence (domain 5.2, 5.3, 8b)."""

from collections.abc import Iterable

from calls.parts import Parts
from calls.policy import Policy
from calls.records import CallLeg
from calls.spans import Span, Spans, length_us, subtract

UNJUDGED = frozenset(("not_in_scope", "not_eligible", "pending"))


def verdict(leg: CallLeg, policy: Policy, parts: Parts | None, sides: Iterable[Spans]) -> str:
    """Give the verdict on a leg; ``parts`` are None while its talk time is not known.

    ``sides`` is what of the talk time is covered for each side that must be recorded, where that differs.
    A negative conclusion waits until the leg is final, a positive one does not.
    """
    if policy.obligation != "must_record":
        return "not_in_scope"
    if leg.status == "ended_unanswered" or (parts and _too_short(parts, policy)):
        return "not_eligible"
    judged = _by_parts(parts, policy, sides) if parts else "unknown"
    return judged if judged == "full" or leg.finality == "final" else "pending"


def grade(leg: CallLeg, judged: str, parts: Parts | None, by_records_alone: Spans) -> str | None:
    """Grade the evidence of a verdict by the weakest of what it rests on, from A to D."""
    if judged in UNJUDGED:
        return None
    if parts is None or judged == "unknown" or parts.unknown:
        return "D"
    if by_records_alone:
        return "C"
    return "B" if parts.inferred or leg.answer_evidence != "webhook" else "A"


def _too_short(parts: Parts, policy: Policy) -> bool:
    talk_us = length_us((parts.talk,))
    return talk_us == 0 or talk_us < policy.min_duration_us


def _by_parts(parts: Parts, policy: Policy, sides: Iterable[Spans]) -> str:
    if not parts.covered:
        return "unknown" if parts.unknown else "unrecorded"
    if parts.unknown:
        return "unknown" if _tolerated(parts.uncovered, parts.talk, policy) else "partial"
    if not _full(parts.covered, parts.talk, policy):
        return "partial"
    if not all(_full(side, parts.talk, policy) for side in sides):
        return "partial_track"
    return "full_inferred" if parts.inferred else "full"


def _full(covered: Spans, talk: Span, policy: Policy) -> bool:
    """Tell whether time that is covered makes a leg full, where nothing of it is unknown."""
    half = 2 * length_us(covered) >= length_us((talk,))
    return bool(covered) and half and _tolerated(subtract((talk,), covered), talk, policy)


def _tolerated(uncovered: Spans, talk: Span, policy: Policy) -> bool:
    """Tell whether each uncovered span keeps its tolerance, and all together keep the sum of the three."""
    total_us = policy.start_grace_us + policy.stop_tolerance_us + policy.gap_tolerance_us
    return length_us(uncovered) <= total_us and all(
        end - start <= _tolerance_us((start, end), talk, policy) for start, end in uncovered
    )


def _tolerance_us(span: Span, talk: Span, policy: Policy) -> int:
    if span[0] == talk[0]:
        return policy.start_grace_us
    return policy.stop_tolerance_us if span[1] == talk[1] else policy.gap_tolerance_us
