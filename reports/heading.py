"""What stands above a report for people: what was asked, as of when, by which versions, on how complete a log."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from reports import content, registry
from reports.runs import Run

NOT_STATED = "not stated"
"""Nobody gathered it for this run: it is neither good nor bad."""

VERIFICATIONS = {
    "intact": "intact",
    "broken": "BROKEN: the log is not what was sealed",
    "not_verified": "not verified",
}

UNSIGNED = "signatures were not checked"
REST = "what is before rests on hashes that the database holds"


class Line(NamedTuple):
    """One thing and what is said of it."""

    name: str
    text: str


def lines(run: Run, head: Mapping[str, Any]) -> tuple[Line, ...]:
    """Give the header of a report as lines of text, none left out because it is not known."""
    versions = head["versions"]
    return (
        Line("Report", f"{run.name}: {registry.TITLES.get(run.name, '')}".rstrip(": ")),
        Line("Period", period(head["period"])),
        Line("Broken down by", ", ".join(head["by"]) or "nothing: one total"),
        Line("As of log position", _position(head["log_position"])),
        Line("As of", head["as_of"] or NOT_STATED),
        Line("Tree root", head["tree_root"] or NOT_STATED),
        Line("Verification", verification(head["verification"])),
        Line("Policy", policies(versions.get("policies"))),
        Line("Versions", ", ".join(f"{name} {versions[name]}" for name in sorted(versions) if name != "policies")),
        *completeness(head["completeness"]),
        Line("Rows", f"{len(run.frame):,}"),
        Line("content_sha256", content.sha256(run)),
    )


def period(asked: Mapping[str, str]) -> str:
    """Write a period by its first and last day."""
    first, end = date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"])
    days = (end - first).days
    span = f"{first}" if days == 1 else f"{first} to {end - timedelta(1)}, {days} days"
    return f"{span}, {asked['zone']}"


def verification(found: Mapping[str, Any] | None) -> str:
    """Write what the last verification said, of how much of the log, and what it left out."""
    if found is None:
        return VERIFICATIONS["not_verified"]
    result = VERIFICATIONS.get(found["result"], str(found["result"]))
    since = f" from position {found['since']}" if found.get("since") else ""
    up_to = "" if found.get("position") is None else f" up to position {found['position']}"
    at = f", verified at {found['verified_at']}" if found.get("verified_at") else ""
    return f"{result}{since}{up_to}{at}" + "".join(f"; {what}" for what in left_out(found))


def left_out(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what a verification did not look at: signatures, or the beginning of the log."""
    told = {UNSIGNED: found.get("signatures") is False, REST: bool(found.get("since"))}
    return tuple(what for what, is_so in told.items() if is_so)


def policies(versions: Sequence[Mapping[str, Any]] | None) -> str:
    """Write which policies judged the calls."""
    if versions is None:
        return NOT_STATED
    return (
        "; ".join(
            f"version {each['version']} in force since {each.get('in_force_at') or 'the beginning'}"
            f", sha256 {each.get('sha256') or NOT_STATED}"
            for each in versions
        )
        or "the built-in policy"
    )


def completeness(counts: Mapping[str, Any] | None) -> tuple[Line, ...]:
    """Write how complete the log is, a line for each count."""
    if counts is None:
        return (Line("Completeness", NOT_STATED),)
    return tuple(Line(_words(name), NOT_STATED if value is None else _count(value)) for name, value in counts.items())


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _position(position: int | None) -> str:
    return NOT_STATED if position is None else f"{position:,}: every event before it"


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
