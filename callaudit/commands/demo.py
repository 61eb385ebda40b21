"""``demo``: an afternoon of made-up calls through the real program, and proof that what it says of them is true."""

import os
import shlex
import shutil
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib import parse

import httpx
import psycopg
import typer
from psycopg import conninfo, sql

import reports
import simulator
from callaudit import comparison, database, logs, rehearsal, report_comparison, settings, sockets, up, worker
from callaudit.commands import report as report_command
from callaudit.commands.calls import print_timeline
from callaudit.commands.simulate import PATH, post, yesterday_noon
from calls import instants
from query import calls as question
from query import log as log_question
from reports import ratios
from simulator import upstream

DATABASE = "callaudit_demo"
WAIT_SECONDS_MAX = 60.0
DIFFERENCES_SHOWN_MAX = 20
BREAKDOWNS = {
    "recording_coverage": "connection,day",
    "coverage_exceptions": "total",
    "failure_causes": "total",
    "siprec_sessions": "connection,day",
    "refer_outcomes": "connection",
    "call_volume": "connection,day",
    "log_integrity": "total",
    "command_audit": "total",
}
EXAMPLE_KIND = "recorder_broke_and_resumed"


class DemoStuck(Exception):
    """The server or the worker did not get there in time."""

    reason = "demo_stuck"


def demo(
    calls: Annotated[int, typer.Option(help="How many calls.", min=1)] = 500,
    seed: Annotated[int, typer.Option(help="The same seed makes the same calls.")] = 1,
) -> None:
    """Show the whole journey: calls are made up, posted, logged, folded, reported, and compared with the truth."""
    began = time.monotonic()
    read = settings.load()
    home = read.home / "demo"
    key = simulator.key_from_seed(seed)
    nowhere_else = dict.fromkeys(database.OWN_URL.values())
    with database.opened(read.model_copy(update={"callaudit_home": home, **nowhere_else})) as server:
        fresh = _fresh(server)
        fresh.migrate()
        shutil.rmtree(home / "keys", ignore_errors=True)  # its last checkpoint is of the log that was dropped
        made = simulator.simulate(seed, yesterday_noon(), calls)
        with _running(fresh, key) as (base, double):
            summary = _post(fresh, made, key, base)
            differences = [*_report(fresh, made, summary, home / "reports"), *_rehearse(fresh, base, double)]
    for line in differences[:DIFFERENCES_SHOWN_MAX]:
        typer.echo(f"differs from the truth: {line}")
    further = f"Look further: CALLAUDIT_HOME={shlex.quote(str(home))} callaudit calls list"
    where = further if fresh.embedded else f"In database {DATABASE}."
    typer.echo(f"\n{time.monotonic() - began:.0f} s. {where}")
    if differences:
        raise typer.Exit(1)


def _fresh(server: database.Database) -> database.Database:
    """Make the demo's own database anew; a given server keeps its other databases untouched."""
    name = database.EMBEDDED_NAME if server.embedded else DATABASE
    with psycopg.connect(conninfo.make_conninfo(server.owner(), dbname="postgres"), autocommit=True) as admin:
        try:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        except psycopg.errors.ObjectInUse:
            raise DemoStuck(f"database {name} is in use: is another demo running in this home?") from None
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    owner_url = conninfo.make_conninfo(server.owner(), dbname=name)
    return database.Database(owner_url, embedded=server.embedded, settings=server.settings)


@contextmanager
def _running(fresh: database.Database, key: simulator.Key) -> Generator[tuple[str, upstream.Serving]]:
    """Run the real server and worker, and a double of Telnyx behind the gateway; gives where they are."""
    listener = sockets.listen(sockets.Address("127.0.0.1", 0))
    listener.set_inheritable(True)
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    double = upstream.Double(worker.now)
    with listener, upstream.running(double, f"{base}{PATH}", key) as serving:
        environment = _environment(fresh, key, serving)
        server = up.Process(["serve", "--socket", str(listener.fileno())], (listener.fileno(),), environment)
        with up.kept_running([server, up.Process(["worker"], environment=environment)]):
            _until(lambda: _ready(base), "the server to be ready")
            yield base, serving


def _post(fresh: database.Database, made: simulator.Simulation, key: simulator.Key, base: str) -> simulator.Summary:
    """Post every webhook, and wait until all of it is projected."""
    logs.say(f"posting {len(made.deliveries)} deliveries of {len(made.calls)} calls to {base}{PATH}")
    summary = post(made, f"{base}{PATH}", key)
    with psycopg.connect(fresh.as_part("auditor"), autocommit=True) as connection:
        refused = sum(made.truth.log.rejected.values())
        _until(lambda: _projected(connection, refused), "the worker to project everything")
    return summary


def _rehearse(fresh: database.Database, base: str, serving: upstream.Serving) -> Sequence[str]:
    """Send a live call commands through the gateway, show it, and compare what the double did with the record."""
    line, wrong = rehearsal.play(base, rehearsal.keys_for(fresh.owner()), serving)

    def shown() -> dict[str, Any]:
        with database.reading(fresh.as_part("analyst")) as connection:
            return question.show(connection, line.call_session_id) or {"commands": []}

    def settled() -> bool:
        commands = shown()["commands"]
        return len(commands) == len(rehearsal.STEPS) and all(map(rehearsal.is_recorded, commands))

    _until(settled, "the record to say what came of each command")
    call = shown()
    differences = [*wrong, *rehearsal.differences(serving, call["commands"])]
    typer.echo("\nA live call, with commands through the gateway:\n")
    print_timeline(call)
    verdict = "what the double of Telnyx did is what is on record, command by command"
    typer.echo(f"\ncompared: {verdict if not differences else f'{len(differences)} differences'}")
    return differences


def _report(
    fresh: database.Database, made: simulator.Simulation, summary: simulator.Summary, folder: Path
) -> Sequence[str]:
    """Write the reports, compare everything with the truth, print what a person wants to see first."""
    shutil.rmtree(folder, ignore_errors=True)
    day = instants.to_datetime(min(call.webhooks[0].occurred_at or 0 for call in made.calls)).date()
    runs = {
        name: reports.execute(name, fresh.as_part("analyst"), from_=day, to=day + timedelta(days=3), by=by)
        for name, by in BREAKDOWNS.items()
    }
    paths = [path for run in runs.values() for path in report_command.write(run, folder, ["csv", "parquet", "json"])]
    with psycopg.connect(fresh.as_part("auditor")) as connection:
        counted = log_question.stats(connection)
        differences = [
            *(
                []
                if summary.as_planned
                else [f"{len(summary.unexpected)} deliveries were answered otherwise than planned"]
            ),
            *comparison.log_counts(made.truth.log, counted, summary.retried),
            *comparison.rows(connection, made.truth),
            *report_comparison.reports(runs.values(), made),
        ]
    _print_summary(made, summary, counted, differences)
    _print_coverage(runs["recording_coverage"].frame)
    _print_example(fresh, made)
    typer.echo("\nwritten:")
    for path in paths:
        typer.echo(f"  {path}")
    return differences


def _print_summary(
    made: simulator.Simulation,
    summary: simulator.Summary,
    counted: Mapping[str, int],
    differences: Sequence[str],
) -> None:
    rows = made.truth.counts()
    answered = ", ".join(f"{count} x {status}" for status, count in summary.by_status.items())
    typer.echo(
        f"{len(made.calls)} calls, {rows['call_legs']} legs, {rows['siprec_sessions']} SIPREC sessions and "
        f"attempts, {rows['refer_attempts']} transfers"
    )
    typer.echo(f"{summary.sent} deliveries: {answered}")
    typer.echo(f"log: {', '.join(f'{name} {count}' for name, count in counted.items())}")
    verdict = "every row, count and report equals the simulator's truth"
    typer.echo(f"compared: {verdict if not differences else f'{len(differences)} differences'}")


def _print_coverage(frame: Any) -> None:
    """Say in one line what somebody who has to have calls recorded wants to know."""
    legs = {name: int(frame[f"{name}_count"].sum()) for name in ("judged", "full", "full_inferred", "unknown")}
    talk = {name: int(frame[f"{name}_ms"].sum()) for name in ("talk", "confirmed", "inferred", "unknown")}
    usual, recorded = legs["full"] + legs["full_inferred"], talk["confirmed"] + talk["inferred"]
    counts = f"{usual} of {legs['judged']} legs in full, {legs['unknown']} not known"
    low, high = ratios.share(recorded, talk["talk"]), ratios.share(recorded + talk["unknown"], talk["talk"])
    typer.echo(f"recorded: {counts}; {ratios.floor_text(low)} to {ratios.ceil_text(high)} of their talk time")


def _print_example(fresh: database.Database, made: simulator.Simulation) -> None:
    kinds = {call.truth.kind: call.truth.call_session_id for call in made.calls}
    session = kinds.get(EXAMPLE_KIND, made.calls[0].truth.call_session_id)
    with database.reading(fresh.as_part("analyst")) as connection:
        call = question.show(connection, session)
    if call is not None:
        typer.echo("\nAn example:\n")
        print_timeline(call)


def _environment(fresh: database.Database, key: simulator.Key, serving: upstream.Serving) -> dict[str, str]:
    """Name everything that the processes could take from the environment or .env: a demo must not write elsewhere."""
    parts = {url.upper(): _as_url(fresh.as_part(part)) for part, url in database.OWN_URL.items()}
    return {
        **os.environ,
        **parts,
        "DATABASE_URL": _as_url(fresh.owner()),
        "CALLAUDIT_HOME": str(fresh.settings.home),
        "CALLAUDIT_ROLE_PREFIX": fresh.settings.callaudit_role_prefix,
        "CALLAUDIT_MASK_TRANSCRIPTS": "true",
        "CALLAUDIT_WEBHOOK_TOLERANCE_SECONDS": "300",
        "CALLAUDIT_GATEWAY_APPROVAL_REQUIRED": "",
        "CALLAUDIT_GATEWAY_PURPOSE_REQUIRED": "siprec_stop,switch_supervisor_role",
        "TELNYX_API_KEY": serving.double.api_key,
        "TELNYX_BASE_URL": serving.url,
        "TELNYX_PUBLIC_KEY": f"simulator={key.public}",
    }


def _as_url(dsn: str) -> str:
    # Not by SQLAlchemy, which writes a space as +: libpq takes that for a plus.
    return f"postgresql://?{parse.urlencode(conninfo.conninfo_to_dict(dsn), quote_via=parse.quote)}"


def _ready(base: str) -> bool:
    try:
        return httpx.get(f"{base}/readyz", timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _projected(connection: psycopg.Connection[Any], refused: int) -> bool:
    counted = log_question.stats(connection)
    return counted["projected_position"] == counted["position"] and counted["rejected"] >= refused


def _until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        if time.monotonic() > deadline:
            raise DemoStuck(f"waited {WAIT_SECONDS_MAX:.0f} s for {what}")
        time.sleep(0.05)  # a poll of another process's state; there is no signal to wait on
