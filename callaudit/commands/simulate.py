"""``simulate``: calls that never happened, posted to a server as Telnyx would."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

import simulator
from callaudit import logs, output, worker
from calls import instants

PATH = "/webhooks/telnyx"


def simulate(
    url: Annotated[str, typer.Option(help="Where the webhooks go.")] = f"http://127.0.0.1:8000{PATH}",
    seed: Annotated[int, typer.Option(help="The same seed makes the same calls.")] = 1,
    calls: Annotated[int, typer.Option(help="How many calls.", min=1)] = 500,
    rate: Annotated[float | None, typer.Option(help="Webhooks a second; default as fast as it goes.", min=0.1)] = None,
    start: Annotated[
        datetime | None, typer.Option(help="When the first call begins, UTC; default yesterday noon.")
    ] = None,
    show_key: Annotated[
        bool, typer.Option("--show-key", help="Only print the public key to trust for this seed.")
    ] = False,
) -> None:
    """Post the signed webhooks of an afternoon of made-up calls, with faults. Never point this at real evidence."""
    key = simulator.key_from_seed(seed)
    if show_key:
        typer.echo(key.public)
        return
    begin = instants.from_datetime(start.replace(tzinfo=UTC)) if start else yesterday_noon()
    made = simulator.simulate(seed, begin, calls)
    summary = post(made, url, key, rate)
    for status, count in summary.by_status.items():
        typer.echo(f"{count} deliveries answered {status or 'not at all'}")
    if not summary.as_planned:
        logs.say(
            f"callaudit: {len(summary.unexpected)} deliveries were answered otherwise than planned; "
            f"does the server trust {key.public}? [answers_unexpected]"
        )
        raise typer.Exit(1)


def post(made: simulator.Simulation, url: str, key: simulator.Key, rate: float | None = None) -> simulator.Summary:
    """Post a simulation's deliveries, with a progress bar where somebody watches."""
    sender = simulator.Sender(url=url, key=key, clock=worker.now, rate=rate)
    with output.progress() as bar:
        task = bar.add_task("webhooks", total=len(made.deliveries))
        return asyncio.run(
            sender.post(made.deliveries, lambda done, planned: bar.update(task, completed=done, total=planned))
        )


def yesterday_noon() -> instants.Instant:
    """Give 12:00 UTC of yesterday: its calls are over and past every grace."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return instants.from_datetime(noon - timedelta(days=1))
