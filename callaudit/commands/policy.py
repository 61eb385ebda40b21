"""``policy show``, ``check`` and ``apply``: who must be recorded, and what another answer to that would change."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from callaudit import database, logs, output, settings, worker
from callaudit.commands.options import Json
from calls import instants, policy_file
from calls.instants import Instant
from calls.policies import Version
from calls.policy import DEFAULT
from projections import as_if, circumstances, project
from projections.circumstances import Applied
from store import append, moments, policies, read
from store.entry import Kept

app = typer.Typer(help="Who must be recorded, and how strictly that is judged.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="A policy in TOML; see docs/policy.md.")]
Since = Annotated[str | None, typer.Option(help="Compare legs from this day (UTC) on; default 30 days ago.")]

_DAYS = timedelta(days=30)
_BUILT_IN = Applied(0, -1, instants.FIRST, policies.digest(policy_file.write(DEFAULT)), policy_file.write(DEFAULT))


class PolicyFileUnreadable(OSError):
    """The file of a policy cannot be opened."""

    reason = "policy_file_unreadable"


class PolicyFileRefused(ValueError):
    """There is a mistake in the file of a policy; it is said with the file's name and the line."""

    def __init__(self, path: Path, error: policy_file.PolicyRefused) -> None:
        super().__init__(f"{path}, {error}")
        self.reason = error.reason


class VersionUnknown(LookupError):
    """No such version was ever applied."""

    reason = "policy_version_unknown"


class DayRefused(ValueError):
    """What was given is no day to compare from."""

    reason = "day_refused"


@app.command()
def show(
    version: Annotated[int | None, typer.Option(help="Its number; 0 is the built-in one. Default: in force.")] = None,
    json: Json = False,
) -> None:
    """Show a version of the policy as it was written, and list all versions."""
    with _auditing() as (_, connection):
        versions = [_BUILT_IN, *_applied(connection)]
    in_force = _in_force(versions)
    shown = in_force if version is None else next((each for each in versions if each.version == version), None)
    if shown is None:
        raise VersionUnknown(f"there is no version {version} of the policy; the last is {versions[-1].version}")
    rows = [_listed(each, in_force) for each in versions]
    if json:
        output.json_line({**_listed(shown, in_force), "document": shown.document, "versions": rows})
        return
    typer.echo(shown.document)
    output.table(("version", "position", "in_force_at", "state", "sha256"), rows)


@app.command()
def check(file: File, since: Since = None, json: Json = False) -> None:
    """Read a policy, and say which verdicts would be others had it been in force. Nothing is written."""
    content = _read(file)[1]
    first = _first(since)
    with _auditing() as (_, connection):
        applied = _applied(connection)
        answer = _compare(connection, Version(_next(applied), instants.FIRST, content), first)
    said = {"version": _next(applied), **_told(answer, first)}
    output.json_line(said) if json else _print(answer, first)


@app.command()
def apply(
    file: File,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever reads the log.")] = None,
    since: Since = None,
    json: Json = False,
) -> None:
    """Put a policy in force from now on, and say which past verdicts would be others; those stay as they are."""
    document, content = _read(file)
    first = _first(since)
    with _auditing() as (opened, connection):
        applied = _applied(connection)
        current = _in_force([_BUILT_IN, *applied])
        if current.version and current.document == document:
            _already(current, json=json)
            return
        answer = _compare(connection, Version(_next(applied), instants.FIRST, content), first)
        connection.rollback()  # the snapshot: what is appended now is to be seen
        position = _append(opened, document, (reason or "").strip() or None)
        made = next(each for each in _applied(connection) if each.position == position)
    if json:
        output.json_line({"applied": True, **_listed(made, made), **_told(answer, first)})
        return
    _print(answer, first)
    at = instants.to_text(made.in_force_at)
    typer.echo(f"version {made.version} is in force since {at}, on the record at position {made.position}")


@contextmanager
def _auditing() -> Generator[tuple[database.Database, psycopg.Connection[Any]]]:
    """Give the database, and a connection that sees one snapshot of log and read models and changes nothing."""
    with database.opened(settings.load()) as opened, psycopg.connect(opened.as_part("auditor")) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield opened, connection


def _read(path: Path) -> tuple[str, Any]:
    """Give a policy's text and what it says."""
    try:
        document = policy_file.decode(path.read_bytes())
        return document, policy_file.read(document)
    except OSError as error:
        raise PolicyFileUnreadable(f"{path} cannot be read: {error.strerror}") from error
    except policy_file.PolicyRefused as error:
        raise PolicyFileRefused(path, error) from error


def _first(since: str | None) -> Instant:
    """Give the instant to compare from."""
    if since is None:
        since = (datetime.now(UTC) - _DAYS).date().isoformat()
    first = instants.parse_day_or_instant(since)
    if first is None:
        raise DayRefused(f"--since is a day, as 2026-03-01, not {since!r}")
    return first


def _applied(connection: psycopg.Connection[Any]) -> list[Applied]:
    """Give every version on record, from the log itself: the worker may not have read the last one yet."""
    rows = read.system(connection, 0, read.head(connection) + 1)
    return circumstances.applied(map(project.from_stored, rows))


def _next(applied: Sequence[Applied]) -> int:
    return applied[-1].version + 1 if applied else 1


def _in_force(versions: Sequence[Applied]) -> Applied:
    """Give the version in force now; the first, the built-in one, always can be."""
    judged = circumstances.judges(versions).in_force(worker.now())
    return next(each for each in versions if judged is not None and each.version == judged.version)


def _append(opened: database.Database, document: str, reason: str | None) -> int:
    with psycopg.connect(opened.as_part("worker"), autocommit=True, **append.SOON) as connection:
        # Never before what the log knows already, however slow this machine's clock: what was judged stays so.
        latest = moments.received(connection, read.head(connection))
    now = datetime.now(UTC)
    entry = policies.applied(document, reason, now if latest is None else max(now, latest))
    with append.connect(opened.as_part("worker"), application_name="callaudit policy") as connection:
        (outcome,) = append.Appender(connection).append([entry])
    if not isinstance(outcome, Kept):
        raise outcome
    return outcome.position


def _already(current: Applied, *, json: bool) -> None:
    if json:
        output.json_line({"applied": False, **_listed(current, current)})
    else:
        logs.say(f"this text is in force already, as version {current.version}: nothing is done")


def _compare(connection: psycopg.Connection[Any], version: Version, since: Instant) -> as_if.Answer:
    as_of = worker.heard_until(connection, worker.now())
    with output.progress() as bar:
        task = bar.add_task("calls folded", total=None)
        return as_if.compare(
            connection, version, since, as_of, lambda done, total: bar.update(task, completed=done, total=total)
        )


def _listed(each: Applied, in_force: Applied) -> dict[str, Any]:
    """Give one version's row; its state is in_force, not_in_force, or why it cannot be read."""
    state = "in_force" if each is in_force else "not_in_force"
    try:
        each.content()
    except policy_file.PolicyRefused as error:
        state = f"unreadable: {error} [{error.reason}]"
    built_in = each.version == 0
    return {
        "version": each.version,
        "position": None if built_in else each.position,
        "in_force_at": None if built_in else instants.to_datetime(each.in_force_at),
        "state": state,
        "sha256": each.sha256,
    }


def _told(answer: as_if.Answer, since: Instant) -> dict[str, Any]:
    return {
        "since": instants.to_datetime(since),
        "legs": answer.legs,
        "legs_changed": answer.changed,
        "changes": [
            {
                "verdict": change.was.verdict,
                "over_recorded": change.was.over_recorded,
                "verdict_would_be": change.would_be.verdict,
                "over_recorded_would_be": change.would_be.over_recorded,
                "legs": change.legs,
                "examples": [
                    dict(zip(("call_session_id", "call_leg_id"), each, strict=True)) for each in change.examples
                ],
            }
            for change in answer.changes
        ],
    }


def _print(answer: as_if.Answer, since: Instant) -> None:
    day = instants.to_text(since)[:10]
    typer.echo(f"of {answer.legs} legs since {day}, {answer.changed} would have another verdict")
    if answer.changes:
        columns = ("verdict", "would_be", "legs", "examples")
        rows = [
            (_worded(each.was), _worded(each.would_be), each.legs, [leg for _, leg in each.examples])
            for each in answer.changes
        ]
        output.table(columns, [dict(zip(columns, row, strict=True)) for row in rows])


def _worded(outcome: as_if.Outcome) -> str:
    return f"{outcome.verdict}, over_recorded" if outcome.over_recorded else outcome.verdict
