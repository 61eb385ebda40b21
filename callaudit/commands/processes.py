"""``up`` and ``serve``: the program's front."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from callaudit import database, settings, sockets, stopping
from callaudit import up as together
from callaudit.commands.options import HOST_DEFAULT, PORT_DEFAULT, Host, Port, WithParent, Workers
from callaudit.metrics import directory
from callaudit.metrics.directory import Place
from ingest import keys


def up(host: Host = HOST_DEFAULT, port: Port = PORT_DEFAULT, workers: Workers = 1) -> None:
    """Run everything in one: database, migrations, HTTP, worker."""
    read = settings.load()
    keys.public_keys(read.telnyx_public_key)
    listener = sockets.listen(sockets.Address(host, port))
    with database.opened(read) as opened:
        opened.migrate()
        with (
            directory.made(read.home, workers) as places,
            together.kept_running([*_servers(listener, workers, places), together.Process(["worker"])]),
        ):
            stopping.on_signals().wait()


def serve(
    host: Host = HOST_DEFAULT,
    port: Port = PORT_DEFAULT,
    workers: Workers = 1,
    inherited: Annotated[int | None, typer.Option("--socket", hidden=True)] = None,
    metrics: Annotated[Path | None, typer.Option(hidden=True)] = None,
    number: Annotated[int, typer.Option(hidden=True)] = 0,
    with_parent: WithParent = False,
) -> None:
    """Serve HTTP: take webhooks."""
    if with_parent:
        stopping.with_parent()
    read = settings.load()
    keys.public_keys(read.telnyx_public_key)
    if inherited is not None:
        _serve(read, socket.socket(fileno=inherited), None if metrics is None else Place(metrics, number))
        return
    listener = sockets.listen(sockets.Address(host, port))
    if workers == 1:
        _serve(read, listener)
        return
    with (
        database.opened(read),
        directory.made(read.home, workers) as places,
        together.kept_running(_servers(listener, workers, places)),
    ):
        stopping.on_signals().wait()


def _servers(listener: socket.socket, count: int, places: Sequence[Place]) -> list[together.Process]:
    listener.set_inheritable(True)
    return [_server(listener, place) for place in places or [None] * count]


def _server(listener: socket.socket, place: Place | None) -> together.Process:
    arguments, pass_fds = ["serve", "--socket", str(listener.fileno())], (listener.fileno(),)
    if place is None:
        return together.Process(arguments, pass_fds)
    counting = ["--metrics", str(place.directory), "--number", str(place.number)]
    return together.Process([*arguments, *counting], pass_fds, died=place.left)


def _serve(read: settings.Settings, listener: socket.socket, place: Place | None = None) -> None:
    from callaudit import serve as server  # noqa: PLC0415  a parent that only watches need not hold a web framework

    server.run(read, listener, place)
