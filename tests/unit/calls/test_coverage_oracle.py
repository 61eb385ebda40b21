"""Coverage of random legs, outages, records and policies, against the oracle that works it out tick by tick."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from calls.circumstances import SIPREC_START, Command, DetailRecord
from calls.event import Event
from calls.fold import fold
from calls.instants import MILLISECOND, Instant, to_text
from calls.policy import About, Judgement, Policy
from calls.records import Coverage, CoverageSpan
from tests.unit.calls import coverage_oracle, made
from tests.unit.calls.coverage_oracle import Extent, Leg, Rules

TYPES = {"S": "siprec.started", "F": "siprec.failed", "P": "siprec.stopped"}
ENDING = {"hangup_cause": "normal_clearing", "sip_hangup_cause": "200"}
KINDS = ("confirmed", "inferred", "unknown", "uncovered")


@dataclass(frozen=True)
class ByConnection:
    """Judges each leg by a policy of its own."""

    policies: Mapping[str, Policy]

    def judge(self, about: About, at: Instant | None) -> Judgement:
        """Look at the connection alone."""
        assert at is not None
        return Judgement(self.policies[about.connection_id or ""], version=7, rule=about.connection_id)


def ticks(last: int = 22) -> st.SearchStrategy[int]:
    """Draw a tick."""
    return st.integers(0, last)


def extents() -> st.SearchStrategy[Extent]:
    """Draw from when to when something was recorded; an end may be missing, or before the start."""
    whole = st.tuples(ticks(8), st.integers(6, 22))
    return whole | whole | st.tuples(st.none() | ticks(), st.none() | ticks())


@st.composite
def legs(draw: st.DrawFn) -> Leg:
    """Draw a leg; most are answered and hung up."""
    facts = [("initiated", draw(st.integers(0, 2)))]
    kinds = draw(
        st.sampled_from([("answered", "hangup")] * 6 + [("answered",), ("hangup",), (), ("bridged", "hangup")])
    )
    for kind in kinds:
        facts += [
            (kind, at)
            for at in draw(
                st.lists(st.integers(10, 20) if kind == "hangup" else st.integers(1, 11), min_size=1, max_size=2)
            )
        ]
    facts += draw(st.lists(st.tuples(st.sampled_from("SSFP"), ticks()), max_size=6))
    commanded = [at for kind, at in facts if kind == "F"] if draw(st.booleans()) else []
    errors = draw(st.integers(0, 1))
    natives = tuple(draw(st.lists(extents(), max_size=2))) if draw(st.booleans()) else ()
    last = max(at for _, at in facts)
    return Leg(
        facts=tuple(facts),
        natives=natives,
        native_errors=errors,
        commanded=tuple(max(0, at - draw(st.integers(0, 2))) for at in commanded),
        siprec_records=tuple(draw(st.lists(extents(), max_size=1))) if draw(st.booleans()) else (),
        native_records=tuple(draw(st.lists(extents(), max_size=1))) if draw(st.booleans()) else (),
        normal_ending=draw(st.booleans()),
        last_at=last,
    )


def rules() -> st.SearchStrategy[Rules]:
    """Draw a policy under which everything may happen within a few ticks."""
    return st.builds(
        Rules,
        obligation=st.sampled_from(["must_record"] * 6 + ["none", "must_not_record"]),
        start_grace=st.integers(0, 5),
        stop_tolerance=st.integers(0, 4),
        gap_tolerance=st.integers(0, 4),
        late_grace=st.integers(0, 4),
        stale_after=st.integers(0, 6),
        skew=st.integers(0, 3),
        min_duration=st.sampled_from([0, 0, 0, 3, 12]),
        accepted=st.sampled_from([("siprec", "native")] * 3 + [("siprec",), ("native",), ()]),
    )


def policy(of: Rules) -> Policy:
    """Write rules as a policy."""
    return Policy(
        in_scope=of.obligation == "must_record",
        must_not_record=of.obligation == "must_not_record",
        start_grace_ms=of.start_grace,
        stop_tolerance_ms=of.stop_tolerance,
        gap_tolerance_ms=of.gap_tolerance,
        late_grace_ms=of.late_grace,
        stale_after_ms=of.stale_after,
        skew_tolerance_ms=of.skew,
        min_duration_ms=of.min_duration,
        accepted_sources=of.accepted,
    )


def events(leg: Leg, name: str) -> list[Event]:
    """Write a leg as webhooks."""
    told: list[tuple[str, int, dict[str, Any]]] = []
    for kind, at in leg.facts:
        payload = ENDING if kind == "hangup" and leg.normal_ending else {}
        told.append((TYPES.get(kind, f"call.{kind}"), at, dict(payload)))
    told += [("call.recording.saved", leg.last_at, recorded(each)) for each in leg.natives]
    told += [("call.recording.error", leg.last_at, {})] * leg.native_errors
    return [
        made.event(kind, at, event_id=f"{name} {number}", call_leg_id=name, connection_id=name, **payload)
        for number, (kind, at, payload) in enumerate(told)
    ]


def recorded(extent: Extent) -> dict[str, Any]:
    """Write when a recording began and ended as Telnyx does."""
    names = ("recording_started_at", "recording_ended_at")
    return {name: to_text(at * MILLISECOND) for name, at in zip(names, extent, strict=True) if at is not None}


def records(leg: Leg, name: str) -> list[DetailRecord]:
    """Write what the provider's own records say."""
    of = {"siprec-client": leg.siprec_records, "recording": leg.native_records}
    return [DetailRecord(kind, name, us(start), us(end)) for kind, its in of.items() for start, end in its]


def us(ticks: int | None) -> int | None:
    """Give ticks, which are milliseconds, in microseconds."""
    return None if ticks is None else ticks * MILLISECOND


def told_by(row: Coverage, spans: Sequence[CoverageSpan]) -> dict[str, Any]:
    """Put a row and its spans in the oracle's words."""
    sets: dict[str, set[int]] = {kind: set() for kind in KINDS}
    for span in spans:
        sets[span.kind] |= set(range(span.started_at // MILLISECOND, span.ended_at // MILLISECOND))
    return {
        "verdict": row.verdict,
        "flags": frozenset(row.flags),
        "sets": None if row.answered_us is None else tuple(frozenset(sets[kind]) for kind in KINDS),
        "lengths": (row.confirmed_us, row.inferred_us, row.unknown_us, row.uncovered_us),
        "start_delay": row.start_delay_us,
        "early_stop": row.early_stop_us,
        "longest_gap": row.longest_gap_us,
        "recovery": row.recovery_us,
        "double": row.double_covered_us,
        "over_recorded": row.over_recorded_us,
        "grade": row.evidence_grade,
        "unrecorded_evidence": row.unrecorded_evidence,
    }


def expected(of: coverage_oracle.Verdict) -> dict[str, Any]:
    """Put what the oracle says in microseconds."""
    sets = of.sets
    return {
        "verdict": of.verdict,
        "flags": of.flags,
        "sets": sets,
        "lengths": (None,) * 4 if sets is None else tuple(us(len(each)) for each in sets),
        "start_delay": us(of.start_delay),
        "early_stop": us(of.early_stop),
        "longest_gap": us(of.longest_gap),
        "recovery": us(of.recovery),
        "double": us(of.double),
        "over_recorded": us(of.over_recorded),
        "grade": of.grade,
        "unrecorded_evidence": of.unrecorded_evidence,
    }


@made.UNTIMED
@given(
    st.lists(st.tuples(legs(), rules()), min_size=1, max_size=3),
    st.lists(st.tuples(ticks(), st.integers(1, 8)).map(lambda at: (at[0], at[0] + at[1])), max_size=2),
    st.lists(extents(), max_size=1),
    ticks(60),
    st.randoms(),
)
def test_coverage_is_what_the_text_says(
    drawn: list[tuple[Leg, Rules]], outages: list[tuple[int, int]], legless: list[Extent], as_of: int, rng: Any
) -> None:
    """Verdicts, spans, figures and flags of every leg, and the conversation, are those of the oracle."""
    # Stops stamped before their starts are left to the tests of calls.siprec.
    drawn = [(leg, replace(its, skew=0) if any(k == "P" for k, _ in leg.facts) else its) for leg, its in drawn]
    named = {f"leg-{number}": each for number, each in enumerate(drawn)}
    told = [event for name, (leg, _) in named.items() for event in events(leg, name)]
    told += [
        made.event("conference.recording.saved", 3, event_id=f"c{n}", call_leg_id=None, **recorded(each))
        for n, each in enumerate(legless)
    ]
    rng.shuffle(told)
    record = fold(
        made.numbered(*told),
        as_of * MILLISECOND,
        ByConnection({name: policy(its) for name, (_, its) in named.items()}),
        outages=[(start * MILLISECOND, end * MILLISECOND) for start, end in outages],
        commands=[
            Command(name, SIPREC_START, at * MILLISECOND) for name, (leg, _) in named.items() for at in leg.commanded
        ],
        reconciliation=[each for name, (leg, _) in named.items() for each in records(leg, name)],
    )
    judged = {name: coverage_oracle.judge(leg, its, outages, legless, as_of) for name, (leg, its) in named.items()}
    spans = {name: list(its) for name, its in groupby(record.coverage_spans, key=lambda span: span.call_leg_id)}
    assert {row.call_leg_id for row in record.coverage} == set(named)
    for row in record.coverage:
        assert told_by(row, spans.get(row.call_leg_id, [])) == expected(judged[row.call_leg_id])
        assert (row.policy_version, row.policy_rule) == (7, row.call_leg_id)
    conversation = coverage_oracle.conversation([(leg, judged[name]) for name, (leg, _) in named.items()])
    (row,) = record.session_coverage
    assert (row.conversation_us, row.covered_us) == tuple(us(each) for each in conversation)
