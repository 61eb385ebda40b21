"""What ``failure_causes`` must say. What causes mean is written down by hand, from domain 1.4 and 7.2."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from calls.instants import Instant
from simulator.answers.asked import Asked, Row, last_if_none
from simulator.answers.figures import share
from simulator.answers.transfers import UNDECIDED
from simulator.truth import TrueLeg, TrueRefer, TrueSiprec, Truth

SUBJECTS = ("siprec", "refer", "leg")

DOMAINS = {
    None: "absent",
    "UNKNOWN": "unmapped",
    "CALL_REJECTED": "authorisation_or_policy",
    "DECLINE": "authorisation_or_policy",
    "INCOMPATIBLE_DESTINATION": "configuration_or_compatibility",
    "INTERWORKING": "configuration_or_compatibility",
    "MEDIA_TIMEOUT": "media",
    "NETWORK_OUT_OF_ORDER": "availability_or_network",
    "NORMAL_CLEARING": "normal",
    "NORMAL_TEMPORARY_FAILURE": "availability_or_network",
    "NO_ANSWER": "availability_or_network",
    "NO_USER_RESPONSE": "availability_or_network",
    "RECOVERY_ON_TIMER_EXPIRE": "availability_or_network",
    "USER_BUSY": "capacity",
}
"""Normal name of a recorder's cause -> who should look."""

_ALWAYS = ("absent", "unmapped")


class _Ending(NamedTuple):
    """How something ended: undecided, normal, failure or abnormal_end, and its cause."""

    subject: str
    kind: str
    name: str
    domain: str
    raw: str | None


def rows(truth: Truth, asked: Asked) -> list[Row]:
    """Give the report's rows."""
    return [
        {**asked.named(group), **row}
        for group, endings in asked.grouped(_endings(truth)).items()
        for subject in SUBJECTS
        for row in _pareto(subject, [ending for ending in endings if ending.subject == subject])
    ]


def _endings(truth: Truth) -> Iterator[tuple[Instant, Any, _Ending]]:
    legs = {leg.call_leg_id: leg for leg in truth.legs()}
    for row in truth.siprec_sessions():
        yield row.shown_at, legs[row.call_leg_id], _of_recorder(row)
    for row in truth.refer_attempts():
        yield row.started_at, legs[row.call_leg_id], _of_transfer(row)
    for leg in legs.values():
        yield leg.shown_at, leg, _of_leg(leg)


def _of_recorder(row: TrueSiprec) -> _Ending:
    if row.status in {"failed", "failed_midway"}:
        kind = "failure"
    elif row.status in {"stopped", "stopped_without_start"}:
        kind = "normal" if row.cause_name == "NORMAL_CLEARING" else "abnormal_end"
    else:
        kind = "undecided"
    name = {None: "absent", "UNKNOWN": "unmapped"}.get(row.cause_name, str(row.cause_name))
    return _Ending("siprec", kind, name, DOMAINS[row.cause_name], row.cause_raw)


def _of_transfer(row: TrueRefer) -> _Ending:
    undecided = row.outcome in {"pending", *UNDECIDED}
    kind = "undecided" if undecided else "normal" if row.outcome == "completed" else "failure"
    if not row.final_code:
        return _Ending("refer", kind, "absent", "absent", None)
    return _Ending("refer", kind, f"SIP_{row.final_code}", row.outcome, str(row.final_code))


def _of_leg(leg: TrueLeg) -> _Ending:
    if leg.hangup_cause is None:
        return _Ending("leg", "undecided", "absent", "absent", None)
    failed = "failure" if leg.status == "ended_unanswered" else "abnormal_end"
    kind = "normal" if leg.hangup_cause == "normal_clearing" else failed
    return _Ending("leg", kind, leg.hangup_cause.upper(), "not_judged", leg.hangup_cause)


def _pareto(subject: str, endings: Sequence[_Ending]) -> Iterator[Row]:
    odd = [ending for ending in endings if ending.kind in {"failure", "abnormal_end"}]
    of_name, of_value = Counter(ending.name for ending in odd), Counter(map(_value, odd))
    undecided = sum(ending.kind == "undecided" for ending in endings)
    values = {*of_value, *((name, name, None) for name in _ALWAYS if not of_name[name])}
    ranked = sorted(values, key=lambda v: [-of_name[v[0]], v[0], -of_value[v], v[1], last_if_none(v[2:])])
    reached = [*accumulate(of_value[value] for value in ranked)]
    last = {value[0]: so_far for value, so_far in zip(ranked, reached, strict=True)}
    for value in ranked:
        failures = sum(ending.kind == "failure" for ending in odd if _value(ending) == value)
        yield {
            "subject": subject,
            "ended_count": len(endings) - undecided,
            "undecided_count": undecided,
            "cause_name": value[0],
            "cause_count": of_name[value[0]],
            "cause_share": share(of_name[value[0]], len(odd)),
            "cumulative_share": share(last[value[0]], len(odd)),
            "fault_domain": value[1],
            "cause_raw": value[2],
            "failures_count": failures,
            "abnormal_ends_count": of_value[value] - failures,
            "endings_count": of_value[value],
        }


def _value(ending: _Ending) -> tuple[str, str, str | None]:
    return ending.name, ending.domain, ending.raw
