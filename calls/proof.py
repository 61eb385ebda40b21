"""What time of a leg its SIPREC events prove to be recorded (domain 8b, "SIPREC readings", 5.1).

Time that all least-cost readings call covered is proven; time that only some call covered is unknown, never
uncovered. The answer, outages, native recordings and the verdict are left to coverage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from calls.instants import Instant
from calls.readings import Bounds, Part
from calls.spans import Spans, union


@dataclass(frozen=True, slots=True)
class Proof:
    """Spans up to the hangup: disjoint, in order, as long as can be; not cut at the answer.

    In every least-cost reading ``confirmed`` lies in a session whose end was reported, and ``inferred`` in
    one that nothing but the hangup is known to have ended. ``unknown`` lies in a session of some of the
    readings only, or before a stop whose start was lost: since the answer, the last stop or the last failure.
    """

    confirmed: Spans = ()
    inferred: Spans = ()
    unknown: Spans = ()


def prove(
    times: Sequence[Instant],
    parts: Sequence[Part],
    bounds: Bounds,
    answered_at: Instant | None,
    hangup_at: Instant | None,
) -> Proof:
    """Grade the time from each event to the next, and to the hangup; before a hangup nothing is proven.

    ``times`` are those of the events whose ``parts`` and ``bounds`` are given.
    """
    if hangup_at is None:
        return Proof()
    grades = _grades(parts, bounds)
    begin = times[:1] if answered_at is None else [answered_at]
    edges = [min(at, hangup_at) for at in (*begin, *times, hangup_at)]
    graded = list(zip(edges, edges[1:], grades, strict=False))
    return Proof(*(union((a, b) for a, b, grade in graded if grade == name) for name in Proof.__slots__))


def _grades(parts: Sequence[Part], bounds: Bounds) -> list[str | None]:
    """Grade the time before the first event, and that after each."""
    last_end = max((index for index, part in enumerate(parts) if part.ends is not None), default=-1)
    startless = [*(part.startless for part in parts), False]
    grades: list[str | None] = ["unknown" if startless[0] else None]
    for index, (fewest, most) in enumerate(zip(bounds.fewest, bounds.most, strict=True)):
        if fewest:
            grades.append("confirmed" if index < last_end else "inferred")
        else:
            grades.append("unknown" if most or startless[index + 1] else None)
    return grades
