"""``log rejections`` and ``log readmit``: what was refused at the door, and what of it proves genuine after all."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import psycopg
import typer

from callaudit import database, logs, output, settings
from callaudit.commands.options import Json
from callaudit.readmit import Readmission
from calls import instants
from ingest import keys, readmission, strongbox
from ingest.readmission import Readmitted, StillRefused
from query import rejections as question
from store import append
from store import rejections as kept
from store.errors import EntryRefused

_COUNTS = ("day", "reason", "refused", "kept", "kept_bytes", "addresses")
_LISTED = ("received_at", "remote_address", "reason", "body_bytes", "kept_bytes", "readmissible")
_READMITTED = ("received_at", "remote_address", "event_id", "event_type", "key")


def _instant(text: str) -> datetime:
    read = instants.parse_day_or_instant(text)
    if read is None:
        raise typer.BadParameter("expected a day, or an ISO 8601 instant with its offset")
    return instants.to_datetime(read)


def rejections(
    since: Annotated[
        datetime | None, typer.Option(parser=_instant, metavar="DAY|INSTANT", help="From then on.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Only those refused for this.")] = None,
    limit: Annotated[int, typer.Option(help="How many to list.", min=0)] = question.LIMIT_DEFAULT,
    json: Json = False,
) -> None:
    """Show what was refused: how much for which reason each day, and the latest, without their bytes."""
    with database.opened(settings.load()) as opened, psycopg.connect(opened.as_part("auditor")) as connection:
        counts = question.counts(connection, since, reason)
        listed = question.latest(connection, since, reason, limit)
    if json:
        output.json_line({"counts": counts, "rejections": listed})
        return
    output.table(_COUNTS, counts)
    if listed:
        typer.echo("")
        output.table(_LISTED, listed)


def readmit(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be readmitted.")] = False,
    json: Json = False,
) -> None:
    """Take in deliveries that were refused, and prove genuine under the keys that are configured now.

    They get the time they were received at, and an event of the log says how they came in.
    """
    read = settings.load()
    rules = readmission.Rules(
        public_keys=keys.public_keys(read.telnyx_public_key),
        tolerance_seconds=read.callaudit_webhook_tolerance_seconds,
        mask_transcripts=read.callaudit_mask_transcripts,
    )
    box = strongbox.opened(read.home)
    judged: list[Readmitted | StillRefused] = []
    with (
        database.opened(read) as opened,
        append.connect(opened.as_part("ingest"), application_name="callaudit readmit") as connection,
        output.progress() as progress,
    ):
        task = progress.add_task("judging what was refused", total=kept.count_held(connection))
        for portion in Readmission(connection, rules, box, time.time_ns() // 1_000).run(dry_run=dry_run):
            judged += portion
            progress.update(task, completed=len(judged))
    labels = {key.key_id: key.label for key in rules.public_keys}
    taken = [_taken(each, labels) for each in judged if isinstance(each, Readmitted)]
    left = [_left(each) for each in judged if isinstance(each, StillRefused)]
    if json:
        output.json_line({"dry_run": dry_run, "readmitted": taken, "refused": left})
        return
    if taken:
        output.table(_READMITTED, taken)
    never = [str(each["rejection_id"]) for each in left if each["reason"] == EntryRefused.reason]
    if never:
        logs.say(
            f"the log refuses, whatever is left out of it, what was kept as rejection {', '.join(never)}: report it"
        )
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(each["reason"] for each in left).most_common())
    done = "would be readmitted" if dry_run else "readmitted"
    logs.say(f"{len(taken)} {done}, {len(left)} not{f': {reasons}' if reasons else ''}")


def _taken(readmitted: Readmitted, labels: Mapping[str, str]) -> dict[str, Any]:
    held, entry = readmitted.held, readmitted.entry
    return {
        "rejection_id": held.rejection_id,
        "received_at": held.received_at,
        "remote_address": held.remote_address,
        "event_id": entry.event_id,
        "event_type": entry.event_type,
        "key": labels.get(entry.key_id or ""),
        "key_id": entry.key_id,
    }


def _left(refused: StillRefused) -> dict[str, Any]:
    held = refused.held
    return {
        "rejection_id": held.rejection_id,
        "received_at": held.received_at,
        "remote_address": held.remote_address,
        "reason": refused.reason,
    }
