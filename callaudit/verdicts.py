"""What a verification found, in words for people and in names for programs."""

from collections.abc import Iterator
from typing import Any

from callaudit import output
from store.findings import Finding
from store.verify import Given, Verdict


def as_json(verdict: Verdict, given: Given) -> dict[str, Any]:
    """Give what ``log verify --json`` prints."""
    last, complete = verdict.last_checkpoint, verdict.completeness
    return {
        "integrity": "intact" if verdict.first_wrong is None else "broken",
        "completeness": complete.verdict,
        "first_wrong": _wrong(verdict.first_wrong),
        "wrong": dict(verdict.wrong),
        "since": verdict.since,
        "position": verdict.size,
        "events": verdict.events,
        "signatures_checked": given.signatures,
        "signatures_verified": verdict.webhooks.verified,
        "signatures_sealed": verdict.webhooks.sealed,
        "signatures_not_retained": verdict.webhooks.not_retained,
        "checkpoints": verdict.checkpoints,
        "checkpoints_not_compared": verdict.not_compared,
        "last_checkpoint": None if last is None else {"size": last.claimed.size, "root": last.claimed.root.hex()},
        "compared_with": [{"kept_at": head.kept_at, "size": head.claimed.size} for head in verdict.kept],
        "unsealed": verdict.unsealed,
        "unguarded": list(verdict.unguarded),
        "log_keys": [{"key": key, "checkpoints": count} for key, count in verdict.log_keys.items()],
        "telnyx_keys": [
            {"key_id": key.key_id, "label": key.label, "vouched_by": key.vouched_by, "events": key.verified}
            for key in verdict.telnyx_keys
        ],
        "covered_from": complete.begins,
        "covered_to": complete.ends,
        "outages": complete.outages,
        "heartbeat_gaps": complete.gaps,
        "waiting_since": complete.waiting_since,
        "readmissible": complete.readmissible,
        "set_aside": complete.set_aside,
    }


def as_text(verdict: Verdict, given: Given) -> Iterator[str]:
    """Give the lines of ``log verify``: the verdict, the first thing that is wrong, and what a reader must know."""
    wrong = verdict.first_wrong
    yield (
        f"{'intact' if wrong is None else 'BROKEN'}, {_COMPLETENESS[verdict.completeness.verdict]}:"
        f" {verdict.events} events from position {verdict.since} on, {verdict.webhooks.verified} signatures verified,"
        f" {verdict.checkpoints} checkpoints"
    )
    if wrong is not None:
        yield f"first wrong: position {wrong.position}: {wrong.detail} [{wrong.reason}]"
        yield f"  in all: {', '.join(f'{count} {reason}' for reason, count in sorted(verdict.wrong.items()))}"
    for sentence in (*_signatures(verdict, given), *_seals(verdict), *_completeness(verdict)):
        yield f"  {sentence}"


_COMPLETENESS = {"complete": "complete", "incomplete": "INCOMPLETE", "unknown": "completeness unknown"}


def _wrong(wrong: Finding | None) -> dict[str, Any] | None:
    if wrong is None:
        return None
    return {"position": wrong.position, "last": wrong.last, "reason": wrong.reason, "detail": wrong.detail}


def _signatures(verdict: Verdict, given: Given) -> Iterator[str]:
    if not given.signatures:
        yield "signatures and data hashes were not checked"
        return
    if verdict.webhooks.not_retained:
        yield f"{verdict.webhooks.not_retained} events: verified at ingest, original not retained (masked)"
    if verdict.webhooks.sealed:
        yield f"{verdict.webhooks.sealed} events: sealed, not checkable here (the sealing key is not at hand)"
    for key in verdict.telnyx_keys:
        by_log = key.vouched_by == "log"
        word = "known by the log's word alone: compare it with Telnyx's" if by_log else f"given by {key.vouched_by}"
        yield f"{key.verified} signatures by Telnyx key {key.label} {key.key_id[:16]}, {word}"


def _seals(verdict: Verdict) -> Iterator[str]:
    if verdict.unsealed:
        yield f"{verdict.unsealed} events are under no checkpoint yet"
    if verdict.not_compared:
        yield f"{verdict.not_compared} checkpoints could not be compared: rows before them are missing"
    if verdict.unguarded:
        yield f"the append-only trigger is not in force on {', '.join(verdict.unguarded)}: somebody took it down"
    for head in verdict.kept:
        yield f"compared with the checkpoint kept at {head.kept_at}, over {head.claimed.size} events"
    if not verdict.kept:
        yield "nothing outside the database vouches for the tail: keep a checkpoint elsewhere, give it by --checkpoint"


def _completeness(verdict: Verdict) -> Iterator[str]:
    found = verdict.completeness
    if found.begins is not None and found.ends is not None:
        yield f"webhooks could be taken from {output.instant(found.begins)} to {output.instant(found.ends)}"
    if found.outages or found.gaps:
        yield f"except in {found.outages} outages on record, and {found.gaps} breaks in the heartbeats"
    if found.waiting_since is not None:
        since = output.instant(found.waiting_since)
        yield f"events since {since} wait, or may wait, in the spool of a process that is gone"
    if found.set_aside:
        yield f"{found.set_aside} events were answered and are set aside: look with `callaudit log spool`"
    if found.readmissible:
        yield f"{found.readmissible} refused deliveries are signed by a key known now: run `callaudit log readmit`"
