"""The talk time of a leg in four parts: confirmed, inferred, unknown and uncovered (domain 5.1, 8b "Coverage").

Disjoint by priority, in that order, and together the talk time to the microsecond.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from calls.instants import Instant
from calls.proof import Proof
from calls.sources import within
from calls.spans import Span, Spans, length_us, subtract, union

KINDS = ("confirmed", "inferred", "unknown", "uncovered")


@dataclass(frozen=True, slots=True)
class Parts:
    """The four sets of ``talk``, which runs from the answer up to the hangup; ``covered`` joins the first two."""

    talk: Span
    confirmed: Spans
    inferred: Spans
    unknown: Spans
    uncovered: Spans
    covered: Spans

    def without_negatives(self) -> "Parts":
        """Call unknown what is uncovered: something may have been lost that would have covered it."""
        return replace(self, unknown=union((*self.unknown, *self.uncovered)), uncovered=())


def split(talk: Span, proofs: Iterable[Proof], blind: Spans) -> Parts:
    """Split the talk time by what is proven; ``blind`` is time in which nobody could hear of an end."""
    proofs = tuple(proofs)
    confirmed = within((proof.confirmed for proof in proofs), talk)
    closed_by_hangup = within((proof.inferred for proof in proofs), talk)
    inferred = subtract(closed_by_hangup, union((*confirmed, *blind)))
    covered = union((*confirmed, *inferred)) if inferred else confirmed
    unknown = subtract(within((blind, *(proof.unknown for proof in proofs)), talk), covered)
    uncovered = subtract((talk,), union((*covered, *unknown)))
    parts = Parts(talk, confirmed, inferred, unknown, uncovered, covered)
    assert sum(length_us(getattr(parts, kind)) for kind in KINDS) == talk[1] - talk[0], "the parts are the whole"
    return parts


def blind_time(outages: Iterable[Span], heard: Iterable[Instant], talk: Span) -> Spans:
    """Give the time of which an outage of the ingest may have swallowed the end (domain 8b).

    For each outage that meets the talk time: from its start up to the first SIPREC event (``heard`` are their
    times) at or after its end, or up to the hangup where none came. Not cut at the answer.
    """
    heard = tuple(heard)
    hangup_at = talk[1]
    return union(
        (start, min((at for at in heard if end <= at < hangup_at), default=hangup_at))
        for start, end in outages
        if meets((start, end), talk)
    )


def meets(outage: Span, talk: Span) -> bool:
    """Tell whether an outage and some time have an instant in common."""
    return outage[0] < talk[1] and talk[0] < outage[1]
