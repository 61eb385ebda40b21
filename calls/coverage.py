"""How much of a leg was recorded: its parts, what the policy makes of them, and what there is to remark (domain 5).

Recordings are told of by SIPREC webhooks, by native ones, and by records of the provider. What no policy asks for
is left out, but what must not be recorded is looked for in all of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from calls import parts, policies, siprec, sources, tracks, verdicts
from calls.circumstances import RECORDED, RECORDING, Command, DetailRecord
from calls.instants import Instant
from calls.parts import Parts
from calls.policy import Judgement
from calls.proof import Proof
from calls.records import CallLeg, Coverage, CoverageSpan, NativeRecording, ReferAttempt, SiprecSession
from calls.sources import Sources
from calls.spans import Span, Spans, intersect, length_us, subtract


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a leg: the rows of it, what they rest on, and what came beside its events.

    ``heard`` are the times of its SIPREC events, ``legless`` the recordings that name only its session.
    """

    leg: CallLeg
    judged: Judgement
    positions: tuple[int, ...]
    proof: Proof
    heard: tuple[Instant, ...]
    sessions: tuple[SiprecSession, ...]
    natives: tuple[NativeRecording, ...]
    legless: tuple[NativeRecording, ...]
    refers: tuple[ReferAttempt, ...]
    commands: Sequence[Command] = ()
    records: Sequence[DetailRecord] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of a leg; and of its talk time, None where not known, what is covered whatever the policy asks."""

    row: Coverage
    spans: tuple[CoverageSpan, ...]
    talk: Span | None
    covered: Spans = ()

    @property
    def settled(self) -> bool:
        """Tell whether it is known when the leg talked, or that it never did."""
        unanswered = self.row.hangup_at is not None and self.row.answered_at is None
        return self.talk is not None or (unanswered and "answer_unknown" not in self.row.flags)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What there is to say of a leg whose talk time is known."""

    parts: Parts
    sources: Sources
    blind: Spans
    by_records_alone: Spans
    sides: tuple[Spans, ...]


def read(told: Told, outages: Iterable[Span]) -> Reading:
    """Read one leg."""
    outages = tuple(outages)
    talk = _talk(told.leg)
    seen = _see(told, outages, talk) if talk else None
    verdict = verdicts.verdict(told.leg, told.judged.policy, seen and seen.parts, seen.sides if seen else ())
    shown = seen if verdict != "not_in_scope" else None
    row = _row(told, verdict, outages, seen, shown)
    return Reading(row, tuple(_spans(row, shown)), talk, seen.parts.covered if seen else ())


def _talk(leg: CallLeg) -> Span | None:
    if leg.talk_us is None or leg.answered_at is None:
        return None
    return leg.answered_at, leg.answered_at + leg.talk_us


def _see(told: Told, outages: Sequence[Span], talk: Span) -> _Seen:
    policy = told.judged.policy
    known = sources.gather(told.proof, told.natives, told.legless, told.records, talk)
    blind = parts.blind_time(outages, told.heard, talk)
    split = parts.split(talk, known.accepted(policy), blind)
    if _lost_after_hangup(told, outages, talk):
        split = split.without_negatives()
    by_webhooks = sources.within((proof.confirmed for proof in known.webhooks(policy)), talk)
    others = [proof.confirmed for proof in known.accepted(policy) if proof is not known.siprec]
    track_of = tracks.of_sessions(told.sessions, tracks.starts(told.commands), policy.skew_us)
    others_covered = sources.within(others, talk)
    sides = tracks.sides(split.covered, others_covered, told.sessions, track_of, policy.required_track)
    return _Seen(split, known, blind, subtract(split.confirmed, by_webhooks), tuple(sides))


def _lost_after_hangup(told: Told, outages: Iterable[Span], talk: Span) -> bool:
    """Tell whether an outage may have swallowed the webhook of a native recording: that comes after the hangup."""
    policy = told.judged.policy
    waiting = (talk[1], talk[1] + policy.late_grace_us)
    seen = any(row.status == "saved" for row in told.natives) or any(each.kind == RECORDING for each in told.records)
    return not seen and "native" in policy.accepted_sources and any(parts.meets(each, waiting) for each in outages)


def _row(told: Told, verdict: str, outages: Sequence[Span], seen: _Seen | None, shown: _Seen | None) -> Coverage:
    leg, judged = told.leg, told.judged
    over_recorded, over_recorded_us = _over_recorded(told, seen)
    flags = {*_flags(told, outages, shown), *_transfer_flags(told.refers)}
    if over_recorded:
        flags.add("over_recorded")
    return Coverage(
        call_session_id=leg.call_session_id,
        finality=leg.finality,
        revision=1,
        revised_by=None,
        positions=told.positions,
        call_leg_id=leg.call_leg_id,
        connection_id=leg.connection_id,
        direction=leg.direction,
        number=policies.our_number(leg),
        tags=leg.tags,
        answered_at=leg.answered_at,
        hangup_at=leg.hangup_at,
        policy_version=judged.version,
        policy_rule=judged.rule,
        obligation=judged.policy.obligation,
        verdict=verdict,
        evidence_grade=verdicts.grade(leg, verdict, seen and seen.parts, seen.by_records_alone if seen else ()),
        failed_attempts=sum(session.status == "failed" for session in told.sessions),
        unrecorded_evidence=_unrecorded_evidence(told) if verdict == "unrecorded" else None,
        track_evidence=_track_evidence(told),
        flags=tuple(sorted(flags)),
        **_durations(told, shown, over_recorded_us),
    )


def _durations(told: Told, seen: _Seen | None, over_recorded_us: int | None) -> dict[str, int | None]:
    """Give every duration in microseconds, and in milliseconds rounded down; None where it is not known."""
    durations = dict(_UNKNOWN)
    if over_recorded_us is not None:
        durations |= _both("over_recorded", over_recorded_us)
    if seen is None:
        return durations
    for kind in parts.KINDS:
        durations |= _both(kind, length_us(getattr(seen.parts, kind)))
    for name, us in _where_uncovered(seen.parts).items():
        durations |= _both(name, us)
    recovery_us = _recovery_us(told, seen.parts)
    if recovery_us is not None:
        durations |= _both("recovery", recovery_us)
    durations |= _both("double_covered", length_us(_double_covered(seen)))
    return durations | _both("answered", seen.parts.talk[1] - seen.parts.talk[0])


def _both(name: str, us: int) -> dict[str, int]:
    return {f"{name}_us": us, f"{name}_ms": us // 1000}


_NAMES = (
    "answered",
    *parts.KINDS,
    "start_delay",
    "early_stop",
    "longest_gap",
    "recovery",
    "double_covered",
    "over_recorded",
)
_UNKNOWN: dict[str, int | None] = {f"{name}_{unit}": None for name in _NAMES for unit in ("us", "ms")}


def _where_uncovered(split: Parts) -> dict[str, int]:
    """Tell the time before the first and after the last that is covered from what lies between."""
    answered_at, hangup_at = split.talk
    between = [span for span in split.uncovered if span[0] > answered_at and span[1] < hangup_at]
    where = {"longest_gap": max((end - start for start, end in between), default=0)}
    if split.covered:
        tail = [span for span in split.uncovered if span[1] == hangup_at]
        where |= {"start_delay": split.covered[0][0] - answered_at, "early_stop": length_us(tail)}
    return where


def _recovery_us(told: Told, split: Parts) -> int | None:
    """Give how long the first failed attempt waited for a start that covers time, by a source that counts."""
    failed = [each.ended_at for each in told.sessions if each.status == "failed" and each.ended_at is not None]
    if not failed:
        return None
    accepted = told.judged.policy.accepted_sources
    siprec = told.sessions if "siprec" in accepted else ()
    native = told.natives if "native" in accepted else ()
    started = [each.started_at for each in (*siprec, *native) if each.started_at is not None]
    last_covered_at = split.covered[-1][1] if split.covered else 0
    waits = ((at, start) for at in failed for start in started if at <= start < last_covered_at)
    first = min(waits, default=None)
    return None if first is None else first[1] - first[0]


def _double_covered(seen: _Seen) -> Spans:
    """Give the time in which SIPREC and Telnyx both recorded, whatever the policy accepts."""
    known, talk = seen.sources, seen.parts.talk
    native_time = sources.within((known.native.confirmed, known.native_records.confirmed), talk)
    if not native_time:
        return ()
    inferred = subtract(known.siprec.inferred, seen.blind)
    siprec_time = sources.within((known.siprec.confirmed, inferred, known.siprec_records.confirmed), talk)
    return intersect(siprec_time, native_time)


def _over_recorded(told: Told, seen: _Seen | None) -> tuple[bool, int | None]:
    """Tell whether something was recorded that must not be, and how much of the talk time, None if not known."""
    if told.judged.policy.obligation != "must_not_record":
        return False, None
    if seen is None:
        return _is_recorded(told), None
    everything = parts.split(seen.parts.talk, seen.sources.all, seen.blind)
    if everything.covered:
        return True, length_us(everything.covered)
    claimed = [spans for proof in seen.sources.all for spans in (proof.inferred, proof.unknown)]
    claimed_in_talk = bool(sources.within(claimed, seen.parts.talk))
    return claimed_in_talk, None if claimed_in_talk else 0


def _is_recorded(told: Told) -> bool:
    """Tell whether anything at all speaks of a recording, other than attempts that failed."""
    sessions = any(session.status != "failed" for session in told.sessions)
    natives = any(row.status == "saved" for row in told.natives)
    records = any(record.kind in RECORDED for record in told.records)
    return sessions or natives or records or bool(told.legless)


def _flags(told: Told, outages: Iterable[Span], seen: _Seen | None) -> Iterator[str]:
    leg, policy = told.leg, told.judged.policy
    if leg.status == "stale":
        yield "hangup_missing"
    if leg.status == "ended_answer_unknown":
        yield "answer_unknown"
    if "clock_anomaly" in leg.flags:
        yield "clock_anomaly"
    if told.legless:
        yield "recording_without_leg"
    if leg.talk_us == 0:
        yield "zero_duration"
    if leg.talk_us is not None and leg.talk_us < policy.min_duration_us:
        yield "below_min_duration"
    if seen:
        yield from _evidence_flags(told, seen, tuple(outages))


def _evidence_flags(told: Told, seen: _Seen, outages: Sequence[Span]) -> Iterator[str]:
    policy = told.judged.policy
    if any(parts.meets(each, seen.parts.talk) for each in outages):
        yield "ingest_outage"
    if "native" in policy.accepted_sources and seen.sources.native.unknown:
        yield "native_extent_unknown"
    if any(sources.within((proof.confirmed,), seen.parts.talk) for proof in seen.sources.records(policy)):
        yield "reconciled_from_detail_record"


def _transfer_flags(refers: Iterable[ReferAttempt]) -> Iterator[str]:
    """Tell whether the conversation went on, or may have, where nobody here could record it."""
    for attempt in refers:
        if attempt.outcome == "completed":
            yield "left_observability_after_refer"
        if attempt.outcome.startswith("unconfirmed_") or "contradictory_terminal" in attempt.flags:
            yield "may_have_left_observability"


def _unrecorded_evidence(told: Told) -> str:
    failed = any(each.end_evidence == siprec.FAILED for each in told.sessions)
    return "explicit_failure" if failed or any(each.status == "error" for each in told.natives) else "absence_of_events"


def _track_evidence(told: Told) -> str | None:
    if tracks.starts(told.commands):
        return "command"
    return "unknown" if told.sessions else None


def _spans(row: Coverage, seen: _Seen | None) -> Iterator[CoverageSpan]:
    kinds = ((span, kind) for kind in parts.KINDS for span in getattr(seen.parts, kind)) if seen else ()
    for seq, ((started_at, ended_at), kind) in enumerate(sorted(kinds), 1):
        yield CoverageSpan(
            call_session_id=row.call_session_id,
            finality=row.finality,
            positions=row.positions,
            call_leg_id=row.call_leg_id,
            seq=seq,
            kind=kind,
            started_at=started_at,
            ended_at=ended_at,
        )
