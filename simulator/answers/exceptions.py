"""What ``coverage_exceptions`` must say."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from calls import instants
from calls.instants import Instant
from simulator.answers.asked import Asked, Row, last_if_none
from simulator.answers.causes import DOMAINS
from simulator.answers.figures import ms
from simulator.hearing import Heard
from simulator.truth import TrueCall, TrueCoverage, TrueLeg, TrueNative, TrueSiprec, Truth

_FINE = ("full", "not_in_scope", "not_eligible")
_LATENESS = ("start_delay", "early_stop", "longest_gap", "recovery", "uncovered", "unknown", "over_recorded")


def rows(truth: Truth, asked: Asked, heard: Sequence[Heard]) -> list[Row]:
    """Give the report's lines; without anything ``heard``, without what only the log can tell."""
    of_leg: defaultdict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        of_leg[one.call_leg_id or ""].append(one)
    found = sorted(_listed(truth, asked), key=lambda each: [each[0], each[1].call_session_id, each[2].call_leg_id])
    return [_row(call, leg, row, asked, of_leg) for _, call, leg, row in found]


def _listed(truth: Truth, asked: Asked) -> Iterator[tuple[Instant, TrueCall, TrueLeg, TrueCoverage]]:
    for call in truth.calls:
        for leg, row in zip(call.legs, call.coverage, strict=True):
            if asked.holds(row.shown_at) and _finding(row):
                yield row.shown_at, call, leg, row


def _finding(row: TrueCoverage) -> str:
    findings = ("not_full",) if row.verdict not in _FINE else ()
    return ", ".join((*findings, "over_recorded") if "over_recorded" in row.flags else findings)


def _row(call: TrueCall, leg: TrueLeg, row: TrueCoverage, asked: Asked, heard: Mapping[str, Sequence[Heard]]) -> Row:
    answered = None if leg.answered_at is None else instants.to_datetime(leg.answered_at)
    same = (
        "connection_id",
        "direction",
        "verdict",
        "evidence_grade",
        "unrecorded_evidence",
        "track_evidence",
        "obligation",
        "policy_version",
        "policy_rule",
    )
    return {
        "call_session_id": call.call_session_id,
        "call_leg_id": leg.call_leg_id,
        **{name: getattr(row, name) for name in same},
        "from_masked": _masked(leg.from_number),
        "to_masked": _masked(leg.to_number),
        "answered_at": answered and answered.astimezone(ZoneInfo(asked.zone)).isoformat(timespec="microseconds"),
        "answered_at_utc": None if leg.answered_at is None else instants.to_text(leg.answered_at),
        "talk_ms": ms(row.answered_us),
        "finding": _finding(row),
        **{f"{name}_ms": ms(getattr(row, f"{name}_us")) for name in _LATENESS},
        "failed_attempts_count": row.failed_attempts,
        **_failures(
            [each for each in call.siprec_sessions if each.call_leg_id == leg.call_leg_id],
            [each for each in call.native_recordings if each.call_leg_id == leg.call_leg_id],
        ),
        **dict.fromkeys(("command_action", "command_by", "command_purpose", "command_state")),
        "flags": ", ".join(row.flags),
        "finality": "final",
        **_of_log(heard.get(leg.call_leg_id, ())),
    }


def _masked(number: str) -> str:
    return number[:-4] + "****"


def _failures(sessions: Sequence[TrueSiprec], natives: Sequence[TrueNative]) -> Row:
    failed = sorted((each for each in sessions if each.status.startswith("failed")), key=lambda each: each.seq)
    of_telnyx = [each for each in natives if each.status == "error"]
    told = {
        "failure_source": ["siprec"] * len(failed) + ["native"] * len(of_telnyx),
        "failure_cause_raw": [each.cause_raw or "" for each in failed] + [each.reason or "" for each in of_telnyx],
        "failure_cause_name": [each.cause_name or "absent" for each in failed] + ["absent"] * len(of_telnyx),
        "failure_fault_domain": [DOMAINS[each.cause_name] for each in failed] + [""] * len(of_telnyx),
    }
    return {name: "; ".join(values) if failed or of_telnyx else None for name, values in told.items()}


def _of_log(heard: Sequence[Heard]) -> Row:
    """Give where the log has what a line rests on: what tells of the leg's life or recording, each fact once."""
    if not heard:
        return {}
    received = sorted(one.received_at for one in heard)
    facts: dict[object, Heard] = {}
    for one in sorted(heard, key=lambda one: last_if_none([one.event_id])):
        if one.is_evidence:
            facts.setdefault(one.fact, one)
    return {
        "first_seen_at": instants.to_text(received[0]),
        "last_seen_at": instants.to_text(received[-1]),
        "positions": ", ".join(map(str, sorted(one.position for one in facts.values()))),
    }
