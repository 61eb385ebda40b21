"""How much of a conversation was recorded on any of its legs (domain 5.1 "Conversation")."""

from collections.abc import Sequence

from calls.coverage import Reading
from calls.records import SessionCoverage
from calls.spans import Spans, at_least, intersect, length_us, union


def row(call_session_id: str, finality: str, legs: Sequence[Reading]) -> SessionCoverage:
    """Give the row of a session from those of its legs; there is at least one."""
    conversation = _conversation(legs)
    covered = union(span for leg in legs for span in leg.covered)
    conversation_us = None if conversation is None else length_us(conversation)
    covered_us = None if conversation is None else length_us(intersect(conversation, covered))
    return SessionCoverage(
        call_session_id=call_session_id,
        finality=finality,
        positions=tuple(sorted({position for leg in legs for position in leg.row.positions})),
        legs=len(legs),
        conversation_us=conversation_us,
        conversation_ms=None if conversation_us is None else conversation_us // 1000,
        covered_us=covered_us,
        covered_ms=None if covered_us is None else covered_us // 1000,
        flags=tuple(sorted({flag for leg in legs for flag in leg.row.flags if flag in _SHARED_FLAGS})),
    )


_SHARED_FLAGS = frozenset(("recording_without_leg",))


def _conversation(legs: Sequence[Reading]) -> Spans | None:
    """Give the time in which people talked, None while an end of it is not known."""
    if not all(leg.settled for leg in legs):
        return None
    talked = [(leg.talk,) for leg in legs if leg.talk]
    return union(talked[0]) if len(legs) == len(talked) == 1 else at_least(talked, min(len(legs), 2))
