"""``upstream``: what stands for Telnyx's API where there is none, for trying the gateway."""

import threading
from typing import Annotated

import typer

import simulator
from callaudit import logs, sockets, stopping, worker
from callaudit.commands.simulate import PATH
from simulator.upstream import Double, Fault, Faults, running

Share = Annotated[float, typer.Option(min=0.0, max=1.0, help="This share of the commands, 0 to 1.")]


def upstream(
    webhooks: Annotated[str, typer.Option(help="Where the webhooks go.")] = f"http://127.0.0.1:8000{PATH}",
    port: Annotated[int, typer.Option(help="Where it listens, on this machine only.", min=0, max=65_535)] = 9_900,
    calls: Annotated[int, typer.Option(help="How many calls begin.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="The same seed has the same key and faults.")] = 1,
    api_key: Annotated[str, typer.Option(help="What TELNYX_API_KEY must be.")] = "KEY-of-the-double",
    refused: Share = 0.0,
    rate_limited: Share = 0.0,
    error_before: Share = 0.0,
    error_after: Share = 0.0,
    lost: Share = 0.0,
    delayed: Share = 0.0,
    duplicated: Share = 0.0,
    delay_seconds: Annotated[float, typer.Option(help="How late a delayed answer is.", min=0.0)] = 1.0,
) -> None:
    """Answer commands as Telnyx does and post the webhooks that follow, with faults, until it is told to stop."""
    chances = (refused, rate_limited, error_before, error_after, lost, delayed, duplicated)
    if sum(chances) > 1:
        raise typer.BadParameter("the shares of all faults together are more than 1")
    shares = dict(zip([fault for fault in Fault if fault is not Fault.NONE], chances, strict=True))
    key = simulator.key_from_seed(seed)
    double = Double(worker.now, api_key, Faults(shares, delay_seconds), seed=seed)
    stop: threading.Event = stopping.on_signals()
    try:
        with running(double, webhooks, key, port) as serving:
            logs.say(f"trust the key: TELNYX_PUBLIC_KEY=simulator={key.public}")
            logs.say(f"point the gateway here: TELNYX_BASE_URL={serving.url} TELNYX_API_KEY={api_key}")
            for _ in range(calls):
                typer.echo(double.begin().call_control_id)
            stop.wait()
    except OSError as error:
        raise sockets.PortTaken(f"cannot listen on 127.0.0.1:{port} ({error.strerror}): give another --port") from error
