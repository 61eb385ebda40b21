"""What can be known of a recording, from what a story noted while it was told (domain 5 and 8b "Coverage").

The rules are written down here a second time, in another way than the fold's: the talk time is cut wherever anything
begins or ends, each piece is looked at on its own, and pieces alike are joined again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from calls.instants import Instant
from calls.policy import Judgement
from simulator.truth import TrueCoverage, TrueLeg, TrueSessionCoverage, TrueSpan

KINDS = ("confirmed", "inferred", "unknown", "uncovered")
"""Parts of the talk time, the surest first."""

SOURCES = ("siprec", "native")

_COVERED = KINDS[:2]


@dataclass(frozen=True, slots=True)
class Note:
    """Something was recorded, or may have been, from one moment to another."""

    kind: str
    begin: Instant
    end: Instant
    source: str = "siprec"

    def holds(self, piece: tuple[Instant, Instant]) -> bool:
        """Tell whether all of a piece lies in it."""
        return self.begin <= piece[0] and piece[1] <= self.end


@dataclass(slots=True)
class Notes:
    """What stories note of one leg; it may reach beyond the talk time. ``flags`` are those of its coverage."""

    taken: list[Note] = field(default_factory=list[Note])
    refused_at: list[Instant] = field(default_factory=list[Instant])
    siprec: bool = False
    told_failure: bool = False
    flags: set[str] = field(default_factory=set[str])

    def recorded(self, begin: Instant, end: Instant) -> None:
        """Note a session of which both ends were told."""
        self.taken.append(Note("confirmed", begin, end))

    def recorded_natively(self, begin: Instant, end: Instant) -> None:
        """Note a recording of Telnyx's own, told with both ends."""
        self.taken.append(Note("confirmed", begin, end, "native"))

    def inferred(self, begin: Instant, end: Instant) -> None:
        """Note a session of which only the hangup tells the end."""
        self.taken.append(Note("inferred", begin, end))

    def doubted(self, begin: Instant, end: Instant) -> None:
        """Note time in which a session may have run, or not."""
        self.taken.append(Note("unknown", begin, end))

    def refused(self, at: Instant) -> None:
        """Note an attempt that never ran."""
        self.refused_at.append(at)


def of_call(
    call_session_id: str, told: Sequence[tuple[TrueLeg, Notes]], judged: Judgement
) -> tuple[tuple[TrueCoverage, ...], TrueSessionCoverage]:
    """Give what can be known of the recording of a call's legs, and of its conversation, once all has settled."""
    accepted = judged.policy.accepted_sources
    spans = [_spans(leg, notes, accepted) if leg.talk_us is not None else () for leg, notes in told]
    legs = tuple(_of_leg(*each, its, judged) for each, its in zip(told, spans, strict=True))
    return legs, _of_session(call_session_id, [leg for leg, _ in told], [span for its in spans for span in its])


def _of_leg(leg: TrueLeg, notes: Notes, spans: tuple[TrueSpan, ...], judged: Judgement) -> TrueCoverage:
    verdict = _verdict(leg, spans, judged)
    in_scope = verdict != "not_in_scope"
    over_recorded, over_recorded_us = _over_recorded(leg, notes, judged)
    flags = {*notes.flags, *_flags(leg, judged), *(["over_recorded"] if over_recorded else [])}
    return TrueCoverage(
        call_leg_id=leg.call_leg_id,
        connection_id=leg.connection_id,
        direction=leg.direction,
        number=leg.number,
        answered_at=leg.answered_at,
        hangup_at=leg.hangup_at,
        policy_version=judged.version,
        policy_rule=judged.rule,
        obligation=judged.policy.obligation,
        verdict=verdict,
        evidence_grade=_grade(leg, verdict, spans),
        over_recorded_us=over_recorded_us,
        failed_attempts=len(notes.refused_at),
        unrecorded_evidence=_evidence(notes) if verdict == "unrecorded" else None,
        track_evidence="unknown" if notes.siprec else None,
        flags=tuple(sorted(flags)),
        spans=spans if in_scope else (),
        **_durations(leg, notes, spans, judged, known=in_scope and leg.talk_us is not None),
    )


def _of_session(call_session_id: str, legs: Sequence[TrueLeg], spans: Sequence[TrueSpan]) -> TrueSessionCoverage:
    """Take the time in which two legs talk, or the only one there is."""
    known = all(leg.talk_us is not None or leg.status == "ended_unanswered" for leg in legs)
    conversation_us = covered_us = 0
    for piece in _cut(moment for span in spans for moment in (span.started_at, span.ended_at)):
        here = [span for span in spans if span.started_at <= piece[0] and piece[1] <= span.ended_at]
        if len(here) >= min(2, len(legs)):
            conversation_us += piece[1] - piece[0]
            covered_us += piece[1] - piece[0] if any(span.kind in _COVERED for span in here) else 0
    return TrueSessionCoverage(
        call_session_id=call_session_id,
        legs=len(legs),
        conversation_us=conversation_us if known else None,
        covered_us=covered_us if known else None,
    )


def _cut(moments: Iterable[Instant]) -> Iterable[tuple[Instant, Instant]]:
    return pairwise(sorted(set(moments)))


def _pieces(leg: TrueLeg, notes: Notes) -> Iterable[tuple[Instant, Instant]]:
    assert leg.answered_at is not None, "who talked was answered"
    assert leg.talk_us is not None, "only talk is cut into pieces"
    talk = leg.answered_at, leg.answered_at + leg.talk_us
    inside = (at for note in notes.taken for at in (note.begin, note.end) if talk[0] < at < talk[1])
    return _cut([*talk, *inside])


def _spans(leg: TrueLeg, notes: Notes, accepted: Iterable[str]) -> tuple[TrueSpan, ...]:
    """Give the parts of the talk time, each as long as it can be, by what comes from an accepted source."""
    taken = [note for note in notes.taken if note.source in accepted]
    kinds = [(_kind(piece, taken), piece) for piece in _pieces(leg, notes)]
    alike = [[*group] for _, group in groupby(kinds, key=lambda each: each[0])]
    return tuple(
        TrueSpan(
            call_leg_id=leg.call_leg_id,
            seq=seq,
            kind=group[0][0],
            started_at=group[0][1][0],
            ended_at=group[-1][1][1],
        )
        for seq, group in enumerate(alike, 1)
    )


def _kind(piece: tuple[Instant, Instant], taken: Iterable[Note]) -> str:
    said = {note.kind for note in taken if note.holds(piece)}
    return next((kind for kind in KINDS if kind in said), "uncovered")


def _verdict(leg: TrueLeg, spans: Sequence[TrueSpan], judged: Judgement) -> str:
    if judged.policy.obligation != "must_record":
        return "not_in_scope"
    if leg.status == "ended_unanswered":
        return "not_eligible"
    if leg.talk_us is None:
        return "unknown"
    too_short = leg.talk_us == 0 or leg.talk_us < judged.policy.min_duration_us
    return "not_eligible" if too_short else _of_talk(spans, judged)


def _of_talk(spans: Sequence[TrueSpan], judged: Judgement) -> str:
    kinds = {span.kind for span in spans}
    if not kinds & {*_COVERED}:
        return "unknown" if "unknown" in kinds else "unrecorded"
    covered_us, missing_us = (sum(_length_us(spans, kind) for kind in of) for of in (_COVERED, ("uncovered",)))
    mostly_missing = "unknown" not in kinds and missing_us > covered_us
    if mostly_missing or not _is_tolerated(spans, judged):
        return "partial"
    if "unknown" in kinds:
        return "unknown"
    return "full_inferred" if "inferred" in kinds else "full"


def _is_tolerated(spans: Sequence[TrueSpan], judged: Judgement) -> bool:
    """Tell whether what is missing at the head, at the tail and in between, each and together, may be missing."""
    tolerances = judged.policy
    allowed = [tolerances.gap_tolerance_us] * len(spans)
    allowed[-1], allowed[0] = tolerances.stop_tolerance_us, tolerances.start_grace_us
    missing = [(span.length_us, most) for span, most in zip(spans, allowed, strict=True) if span.kind == "uncovered"]
    together = tolerances.start_grace_us + tolerances.stop_tolerance_us + tolerances.gap_tolerance_us
    return all(us <= most for us, most in missing) and sum(us for us, _ in missing) <= together


def _grade(leg: TrueLeg, verdict: str, spans: Sequence[TrueSpan]) -> str | None:
    if verdict in {"not_in_scope", "not_eligible"}:
        return None
    kinds = {span.kind for span in spans}
    if verdict == "unknown" or "unknown" in kinds:
        return "D"
    return "B" if "inferred" in kinds or leg.answer_evidence != "webhook" else "A"


def _evidence(notes: Notes) -> str:
    return "explicit_failure" if notes.told_failure else "absence_of_events"


def _over_recorded(leg: TrueLeg, notes: Notes, judged: Judgement) -> tuple[bool, int | None]:
    """Tell whether something was recorded that must not be, from whatever source, and how much, None if not known."""
    if judged.policy.obligation != "must_not_record":
        return False, None
    if leg.talk_us is None:
        return bool(notes.taken), None
    spans = _spans(leg, notes, SOURCES)
    covered_us = sum(_length_us(spans, kind) for kind in _COVERED)
    claimed = covered_us > 0 or any(span.kind == "unknown" for span in spans)
    return claimed, None if claimed and not covered_us else covered_us


def _flags(leg: TrueLeg, judged: Judgement) -> Iterable[str]:
    if leg.status == "stale":
        yield "hangup_missing"
    if leg.status == "ended_answer_unknown":
        yield "answer_unknown"
    if leg.talk_us == 0:
        yield "zero_duration"
    if leg.talk_us is not None and leg.talk_us < judged.policy.min_duration_us:
        yield "below_min_duration"


def _durations(
    leg: TrueLeg, notes: Notes, spans: Sequence[TrueSpan], judged: Judgement, *, known: bool
) -> dict[str, int | None]:
    """Give every duration, None where it is not known."""
    names = (*KINDS, "start_delay", "early_stop", "longest_gap", "recovery", "double_covered")
    if not known:
        return {"answered_us": None, **{f"{name}_us": None for name in names}}
    between = [span.length_us for span in spans[1:-1] if span.kind == "uncovered"]
    covered = [span for span in spans if span.kind in _COVERED]
    last = spans[-1] if covered else None
    return {
        "answered_us": leg.talk_us,
        **{f"{kind}_us": _length_us(spans, kind) for kind in KINDS},
        "start_delay_us": covered[0].started_at - (leg.answered_at or 0) if covered else None,
        "early_stop_us": None if last is None else last.length_us if last.kind == "uncovered" else 0,
        "longest_gap_us": max(between, default=0),
        "recovery_us": _recovery_us(notes, covered, judged.policy.accepted_sources),
        "double_covered_us": _double_covered_us(leg, notes),
    }


def _length_us(spans: Iterable[TrueSpan], kind: str) -> int:
    return sum(span.length_us for span in spans if span.kind == kind)


def _recovery_us(notes: Notes, covered: Sequence[TrueSpan], accepted: Iterable[str]) -> int | None:
    """Give how long the first refused attempt that was made good waited for the next start."""
    if not covered:
        return None
    taken = [note for note in notes.taken if note.source in accepted]
    starts = sorted(note.begin for note in taken if note.begin < covered[-1].ended_at)
    for at in sorted(notes.refused_at):
        waited = [start - at for start in starts if start >= at]
        if waited:
            return waited[0]
    return None


def _double_covered_us(leg: TrueLeg, notes: Notes) -> int:
    """Give the time that SIPREC and Telnyx both recorded."""
    sure = [note for note in notes.taken if note.kind in _COVERED]
    both = (piece for piece in _pieces(leg, notes) if {note.source for note in sure if note.holds(piece)} == {*SOURCES})
    return sum(end - begin for begin, end in both)
