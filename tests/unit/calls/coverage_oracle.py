"""Coverage worked out tick by tick from the text of domain 5 and 8b, sharing no code with the fold.

A leg is a handful of facts at whole ticks; a set of time is a set of ticks. Every reading of the SIPREC events is
enumerated. Left to tests of their own: tracks, transfers, and stops stamped before their starts.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Ticks: TypeAlias = frozenset[int]
Extent: TypeAlias = tuple[int | None, int | None]
Fact: TypeAlias = tuple[str, int]
"""What happened when; S, F and P are a SIPREC start, failure and stop."""

ORDER = {"S": 30, "F": 50, "P": 60}


@dataclass(frozen=True)
class Rules:
    """A policy in ticks."""

    obligation: str = "must_record"
    start_grace: int = 3
    stop_tolerance: int = 2
    gap_tolerance: int = 1
    late_grace: int = 4
    stale_after: int = 30
    skew: int = 0
    min_duration: int = 0
    accepted: tuple[str, ...] = ("siprec", "native")


@dataclass(frozen=True)
class Leg:
    """What is known of a leg. ``natives`` are saved recordings, ``native_errors`` failed ones, by when told."""

    facts: tuple[Fact, ...]
    natives: tuple[Extent, ...] = ()
    native_errors: int = 0
    commanded: tuple[int, ...] = ()
    siprec_records: tuple[Extent, ...] = ()
    native_records: tuple[Extent, ...] = ()
    normal_ending: bool = False
    last_at: int = 0


@dataclass(frozen=True)
class Verdict:
    """What the oracle says of a leg; sets are None where the talk time is not known or not in scope."""

    verdict: str
    flags: frozenset[str]
    sets: tuple[Ticks, Ticks, Ticks, Ticks] | None = None
    start_delay: int | None = None
    early_stop: int | None = None
    longest_gap: int | None = None
    recovery: int | None = None
    double: int | None = None
    over_recorded: int | None = None
    grade: str | None = None
    unrecorded_evidence: str | None = None
    talk: Ticks | None = None
    covered: Ticks = frozenset()


@dataclass(frozen=True)
class Session:
    """A session of a reading: open to the hangup where it has no end."""

    start: int
    end: int | None


@dataclass(frozen=True)
class Told:
    """One reading so far."""

    opened: tuple[int, ...] = ()
    closable: int = 0
    sessions: tuple[Session, ...] = ()
    lost_starts: tuple[tuple[int, int], ...] = ()
    since: int = 0
    cost: int = 0
    repeats: int = 0
    attempts: tuple[int, ...] = ()


def judge(  # noqa: C901 -- the text of domain 8b "Coverage", in its order
    leg: Leg, rules: Rules, outages: Sequence[tuple[int, int]], legless: Sequence[Extent], as_of: int
) -> Verdict:
    """Judge one leg as of a tick."""
    answered = first(leg, "answered", "bridged")
    hangup = first(leg, "hangup")
    anomaly = False
    if answered is not None and hangup is not None and hangup < answered:
        anomaly = answered - hangup > rules.skew
        hangup = hangup if anomaly else answered
    if hangup is None:
        final = as_of > leg.last_at + rules.stale_after + rules.late_grace
    else:
        final = as_of >= hangup + rules.late_grace
    flags = set[str]()
    if legless:
        flags.add("recording_without_leg")
    if hangup is None and final:
        flags.add("hangup_missing")
    if anomaly:
        flags.add("clock_anomaly")
    unanswered = hangup is not None and answered is None and not leg.normal_ending
    if hangup is not None and answered is None and leg.normal_ending:
        flags.add("answer_unknown")
    if answered is None or hangup is None or anomaly:
        over = rules.obligation == "must_not_record" and speaks_of_recording(leg, legless)
        if over:
            flags.add("over_recorded")
        if rules.obligation != "must_record":
            return Verdict("not_in_scope", frozenset(flags))
        if unanswered:
            return Verdict("not_eligible", frozenset(flags))
        return Verdict("unknown" if final else "pending", frozenset(flags), grade="D" if final else None)
    return with_talk(leg, rules, outages, legless, answered, hangup, flags, final=final)


def with_talk(  # noqa: C901, PLR0912, PLR0915, PLR0917 -- as judge
    leg: Leg,
    rules: Rules,
    outages: Sequence[tuple[int, int]],
    legless: Sequence[Extent],
    answered: int,
    hangup: int,
    flags: set[str],
    *,
    final: bool,
) -> Verdict:
    """Judge a leg that is known to have talked from one tick to another."""
    talk = frozenset(range(answered, hangup))
    by_siprec, by_hangup, maybe_siprec = siprec(leg, answered, hangup)
    by_native, maybe_native = extents(leg.natives, talk)
    records_siprec, maybe_records_siprec = extents(leg.siprec_records, talk)
    records_native, maybe_records_native = extents(leg.native_records, talk)
    maybe_legless = frozenset[int]().union(
        *(extents([each], talk)[0] & talk | extents([each], talk)[1] for each in legless)
    )

    blind = set[int]()
    for began, ended in outages:
        if talk and began < hangup and ended > answered:
            heard = [at for kind, at in leg.facts if kind in ORDER and at >= ended]
            blind |= set(range(max(began, answered), min([*heard, hangup])))
    blind &= talk

    with_siprec, with_native = "siprec" in rules.accepted, "native" in rules.accepted
    confirmed = (by_siprec | records_siprec if with_siprec else frozenset()) | (
        by_native | records_native if with_native else frozenset()
    )
    confirmed &= talk
    by_records = (records_siprec if with_siprec else frozenset()) | (records_native if with_native else frozenset())
    by_webhooks = (by_siprec if with_siprec else frozenset()) | (by_native if with_native else frozenset())
    inferred = ((by_hangup if with_siprec else frozenset()) & talk) - confirmed - blind
    maybe = (maybe_siprec | maybe_records_siprec if with_siprec else frozenset()) | (
        maybe_native | maybe_records_native | maybe_legless if with_native else frozenset()
    )
    unknown = ((maybe & talk) | blind) - confirmed - inferred
    lost_later = any(began < hangup + rules.late_grace and ended > hangup for began, ended in outages)
    if lost_later and with_native and not leg.natives and not leg.native_records:
        unknown = talk - confirmed - inferred
    uncovered = talk - confirmed - inferred - unknown
    covered = confirmed | inferred

    if any(began < hangup and ended > answered for began, ended in outages):
        flags_in_scope = {"ingest_outage"}
    else:
        flags_in_scope = set[str]()
    if with_native and any(span(each) is None for each in leg.natives):
        flags_in_scope.add("native_extent_unknown")
    if by_records & talk:
        flags_in_scope.add("reconciled_from_detail_record")
    if not talk:
        flags.add("zero_duration")
    if len(talk) < rules.min_duration:
        flags.add("below_min_duration")

    if rules.obligation != "must_record":
        over = None
        if rules.obligation == "must_not_record":
            evidenced = (by_siprec | by_native | records_siprec | records_native) & talk
            evidenced |= (by_hangup & talk) - blind
            claims = by_hangup | maybe_siprec | maybe_native | maybe_legless
            claims |= maybe_records_siprec | maybe_records_native
            over = len(evidenced) if evidenced else (None if claims & talk else 0)
            if over != 0:
                flags.add("over_recorded")
        return Verdict("not_in_scope", frozenset(flags), over_recorded=over, talk=talk, covered=covered)

    gaps = runs(uncovered)
    head_kept = all(end - start <= rules.start_grace for start, end in gaps if start == answered)
    tail_kept = all(end - start <= rules.stop_tolerance for start, end in gaps if end == hangup and start != answered)
    rest_kept = all(end - start <= rules.gap_tolerance for start, end in gaps if start != answered and end != hangup)
    total = rules.start_grace + rules.stop_tolerance + rules.gap_tolerance
    kept = head_kept and tail_kept and rest_kept and len(uncovered) <= total
    if not talk or len(talk) < rules.min_duration:
        verdict = "not_eligible"
    elif not covered:
        verdict = "unknown" if unknown else "unrecorded"
    elif unknown:
        verdict = "unknown" if kept else "partial"
    elif not kept or 2 * len(covered) < len(talk):
        verdict = "partial"
    else:
        verdict = "full_inferred" if inferred else "full"
    if verdict not in ("not_eligible", "full") and not final:
        verdict = "pending"

    grade = None
    if verdict not in ("not_eligible", "pending"):
        grade = "A"
        if inferred or first(leg, "answered") is None:
            grade = "B"
        if confirmed - by_webhooks:
            grade = "C"
        if unknown:
            grade = "D"
    explicit = leg.native_errors or any(kind == "F" for kind, _ in leg.facts)
    evidence = "explicit_failure" if explicit else "absence_of_events"
    return Verdict(
        verdict=verdict,
        flags=frozenset(flags | flags_in_scope),
        sets=(confirmed, inferred, unknown, uncovered),
        start_delay=min(covered) - answered if covered else None,
        early_stop=sum(end - start for start, end in gaps if end == hangup) if covered else None,
        longest_gap=max((end - start for start, end in gaps if start != answered and end != hangup), default=0),
        recovery=recovery(leg, rules, answered, covered),
        double=len((by_siprec | records_siprec | (by_hangup - blind)) & (by_native | records_native) & talk),
        grade=grade,
        unrecorded_evidence=evidence if verdict == "unrecorded" else None,
        talk=talk,
        covered=covered,
    )


def conversation(legs: Sequence[tuple[Leg, Verdict]]) -> tuple[int | None, int | None]:
    """Give how long two legs talked at once (or the one there is), and how much of it is covered on any."""
    for leg, verdict in legs:
        never = first(leg, "answered", "bridged") is None and first(leg, "hangup") is not None
        if verdict.talk is None and not (never and not leg.normal_ending):
            return None, None
    talks = [verdict.talk for _, verdict in legs if verdict.talk is not None]
    needed = 1 if len(legs) == 1 else 2
    ticks = {tick for talk in talks for tick in talk if sum(tick in each for each in talks) >= needed}
    return len(ticks), len(ticks.intersection(*[set().union(*(verdict.covered for _, verdict in legs))]))


def siprec(leg: Leg, answered: int, hangup: int) -> tuple[Ticks, Ticks, Ticks]:
    """Give what is covered in all readings, by sessions with an end or not, and what in some only."""
    best = readings(leg, answered)
    ended = [frozenset(t for s in r.sessions if s.end is not None for t in range(s.start, s.end)) for r in best]
    covered = [
        done | {t for s in r.sessions if s.end is None for t in range(s.start, hangup)}
        for done, r in zip(ended, best, strict=True)
    ]
    always = frozenset.intersection(*covered)
    confirmed = frozenset.intersection(*ended)
    claimed = frozenset().union(*covered, *(range(a, b) for r in best for a, b in r.lost_starts))
    return confirmed, always - confirmed, claimed - always


def recovery(leg: Leg, rules: Rules, answered: int, covered: Collection[int]) -> int | None:
    """Give how long the first failed attempt waited for a start that counts, and that covered time follows.

    Failed attempts are those of the reading that rows are written from: fewest repeats, then earliest failures as ends.
    """
    failures = [at for kind, at in siprec_facts(leg) if kind == "F"]
    written = min(readings(leg, answered), key=lambda each: (each.repeats, [at in each.attempts for at in failures]))
    starts = [at for kind, at in siprec_facts(leg) if kind == "S" and "siprec" in rules.accepted]
    starts += [at for at, _ in leg.natives if at is not None and "native" in rules.accepted]
    for failed_at in written.attempts:
        waits = [at - failed_at for at in starts if failed_at <= at <= max(covered, default=-1)]
        if waits:
            return min(waits)
    return None


def readings(leg: Leg, answered: int) -> list[Told]:
    """Enumerate the readings of least cost of a leg that has ended."""
    told = [Told(since=answered)]
    attempts = failures_of_attempts(leg)
    for kind, at in siprec_facts(leg):
        told = [after for before in told for after in then(before, kind, at, attempt=at in attempts)]
    over = [
        Told(
            sessions=(*each.sessions, *(Session(at, None) for at in each.opened)),
            lost_starts=each.lost_starts,
            cost=each.cost + len(each.opened),
            repeats=each.repeats,
            attempts=each.attempts,
        )
        for each in told
    ]
    least = min(each.cost for each in over)
    return [each for each in over if each.cost == least]


def then(told: Told, kind: str, at: int, *, attempt: bool) -> Iterator[Told]:
    """Yield every way to read one more event."""
    if kind == "S":
        yield replaced(told, opened=(*told.opened, at))
        if told.opened:
            yield replaced(told, cost=told.cost + 1, repeats=told.repeats + 1)
    elif kind == "F":
        yield replaced(told, since=at, attempts=(*told.attempts, at))
        if told.opened and not attempt:
            ended = Session(told.opened[0], at)
            yield replaced(
                told, opened=told.opened[1:], sessions=(*told.sessions, ended), since=at, closable=told.closable + 1
            )
    else:
        if told.opened:
            ended = Session(told.opened[0], at)
            yield replaced(told, opened=told.opened[1:], sessions=(*told.sessions, ended), since=at)
        if told.closable:
            yield replaced(told, closable=told.closable - 1, since=at)
        if not told.opened and not told.closable:
            lost = (told.since, at)
            yield replaced(told, lost_starts=(*told.lost_starts, lost), cost=told.cost + 1, since=at)


def replaced(told: Told, **changes: object) -> Told:
    """Give a reading with some things changed."""
    return Told(**{**{name: getattr(told, name) for name in Told.__dataclass_fields__}, **changes})  # type: ignore[arg-type]


def siprec_facts(leg: Leg) -> list[Fact]:
    """Give the SIPREC events in order, a start before a failure before a stop at the same tick, each fact once."""
    return sorted({fact for fact in leg.facts if fact[0] in ORDER}, key=lambda fact: (fact[1], ORDER[fact[0]]))


def failures_of_attempts(leg: Leg) -> set[int]:
    """Give when the failures were that a later command explains: one that was sent since the last start."""
    found = set[int]()
    waiting = list[int]()
    for kind, at in siprec_facts(leg):
        if kind == "S":
            waiting = [sent for sent in sorted(leg.commanded) if sent > at]
        elif kind == "F" and waiting and waiting[0] <= at:
            waiting.pop(0)
            found.add(at)
    return found


def first(leg: Leg, *kinds: str) -> int | None:
    """Give the first of the first kind that there is."""
    for kind in kinds:
        times = [at for name, at in leg.facts if name == kind]
        if times:
            return min(times)
    return None


def extents(of: Collection[Extent], talk: Ticks) -> tuple[Ticks, Ticks]:
    """Give what recordings with both ends cover, and what one without may: everything."""
    known = [span(each) for each in of]
    return (
        frozenset(tick for ticks in known if ticks is not None for tick in ticks),
        talk if None in known else frozenset(),
    )


def span(extent: Extent) -> Ticks | None:
    """Give the ticks of a recording, None where an end is missing or before the start."""
    start, end = extent
    return None if start is None or end is None or end < start else frozenset(range(start, end))


def speaks_of_recording(leg: Leg, legless: Sequence[Extent]) -> bool:
    """Tell whether anything but failed attempts is told of."""
    sessions = any(kind in ("S", "P") for kind, _ in leg.facts)
    return bool(sessions or leg.natives or legless or leg.siprec_records or leg.native_records)


def runs(ticks: Ticks) -> list[tuple[int, int]]:
    """Give the maximal runs of ticks."""
    starts = sorted(tick for tick in ticks if tick - 1 not in ticks)
    ends = sorted(tick + 1 for tick in ticks if tick + 1 not in ticks)
    return list(zip(starts, ends, strict=True))
