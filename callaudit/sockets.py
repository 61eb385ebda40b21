"""The socket to listen on: bound first of all, so that a taken port is one sentence before anything starts."""

import socket
from dataclasses import dataclass

BACKLOG = 4_096
"""Connections that may wait to be accepted: a burst's worth."""


class PortTaken(OSError):
    """Somebody listens there already."""

    reason = "port_taken"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Port 0 lets the system choose."""

    host: str
    port: int


def listen(address: Address) -> socket.socket:
    """Bind the socket. Raises PortTaken with what to do about it."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"cannot listen on {address.host}:{address.port} ({error.strerror}): give another --host or --port"
        ) from error
    listener.listen(BACKLOG)
    return listener
