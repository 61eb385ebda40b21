"""What stands above a report's figures: what was asked, as of when, by which versions, on what evidence."""

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from calls import causes, instants
from calls.instants import Instant
from reports import calendar
from reports.question import Question

NOT_VERIFIED = {"result": "not_verified", "position": None, "verified_at": None, "signatures": None, "since": None}
"""Nobody said whether the log was verified."""


def make(name: str, question: Question, position: int | None, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Make the header of a run; what ``evidence`` does not say is null, and the log not verified."""
    period = question.period
    return {
        "report": name,
        "period": {"from": period.first.isoformat(), "to": period.end.isoformat(), "zone": period.zone},
        "by": list(question.by),
        "log_position": position,
        "tree_root": evidence.get("tree_root"),
        "as_of": evidence.get("as_of"),
        "versions": {
            "program": metadata.version("callaudit"),
            "cause_normaliser": causes.NORMALISER_VERSION,
            "cause_tables": causes.TABLE_VERSION,
            "tzdata": calendar.TZDATA_VERSION,
            "policies": evidence.get("policies"),
        },
        "verification": evidence.get("verification") or NOT_VERIFIED,
        "completeness": evidence.get("completeness"),
    }


def as_of_us(header: Mapping[str, Any]) -> Instant | None:
    """Give the instant as of which a header says that calls were judged."""
    return instants.parse(header["as_of"])
