"""``up`` and ``serve``: the program's front."""

import socket
from typing import Annotated

import typer

from callaudit import database, settings, sockets, stopping
from callaudit import up as together
from callaudit.commands.options import HOST_DEFAULT, PORT_DEFAULT, Host, Port, WithParent, Workers
from ingest import keys


def up(host: Host = HOST_DEFAULT, port: Port = PORT_DEFAULT, workers: Workers = 1) -> None:
    """Run everything in one: database, migrations, HTTP, worker."""
    read = settings.load()
    keys.public_keys(read.telnyx_public_key)
    listener = sockets.listen(sockets.Address(host, port))
    with database.opened(read) as opened:
        opened.migrate()
        with together.kept_running([*_servers(listener, workers), together.Process(["worker"])]):
            stopping.on_signals().wait()


def serve(
    host: Host = HOST_DEFAULT,
    port: Port = PORT_DEFAULT,
    workers: Workers = 1,
    inherited: Annotated[int | None, typer.Option("--socket", hidden=True)] = None,
    with_parent: WithParent = False,
) -> None:
    """Serve HTTP: take webhooks."""
    if with_parent:
        stopping.with_parent()
    read = settings.load()
    keys.public_keys(read.telnyx_public_key)
    if inherited is not None:
        _serve(read, socket.socket(fileno=inherited))
        return
    listener = sockets.listen(sockets.Address(host, port))
    if workers == 1:
        _serve(read, listener)
        return
    with database.opened(read), together.kept_running(_servers(listener, workers)):
        stopping.on_signals().wait()


def _servers(listener: socket.socket, count: int) -> list[together.Process]:
    listener.set_inheritable(True)
    arguments = ["serve", "--socket", str(listener.fileno())]
    return [together.Process(arguments, pass_fds=(listener.fileno(),)) for _ in range(count)]


def _serve(read: settings.Settings, listener: socket.socket) -> None:
    from callaudit import serve as server  # noqa: PLC0415  a parent that only watches need not hold a web framework

    server.run(read, listener)
