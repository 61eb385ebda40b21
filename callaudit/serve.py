"""Run the HTTP server: one process, or several behind one socket."""

import signal
import socket
from types import FrameType

import structlog
import uvicorn

from callaudit import VERSION, app, database, logs, protocol
from callaudit.database import Database
from callaudit.metrics import directory
from callaudit.metrics.counters import Counters
from callaudit.metrics.directory import Place
from callaudit.settings import Settings

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


def run(settings: Settings, listener: socket.socket, place: Place | None = None) -> None:
    """Serve on the socket until SIGINT or SIGTERM; requests under way are finished.

    It counts in the place that whoever started it gave it, else in a directory of its own.
    """
    with database.opened(settings) as opened:
        if place is not None:
            _run(settings, opened, listener, place)
            return
        with directory.made(settings.home, 1) as places:
            _run(settings, opened, listener, *places)


def _run(settings: Settings, opened: Database, listener: socket.socket, place: Place | None = None) -> None:
    counters = _counters(place)
    config = uvicorn.Config(
        app.create(settings, opened, counters),
        loop="uvloop",
        http=protocol.bounded(
            protocol.Limits(connections_max=protocol.connections_max()), refused=counters.connection_refused
        ),
        ws="none",
        proxy_headers=False,  # ingest.addresses is told whom to believe; uvicorn would believe any local peer
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    if counters.place is None:
        _log.warning("metrics_not_shared", hint="CALLAUDIT_HOME/metrics cannot be written: each process counts alone")
    if opened.steps_down("ingest"):
        _log.warning("serving_as_owner", hint="set CALLAUDIT_INGEST_DATABASE_URL to the ingest role's login")
    host, port = listener.getsockname()[:2]
    logs.say(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}")
    _log.info("serving", version=VERSION, host=host, port=port)
    server = _Server(config)
    for number in (signal.SIGINT, signal.SIGTERM):  # also before and after uvicorn listens for them
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])  # unlike serve(), it takes the configured loop
    _log.info("served", version=VERSION)


def _counters(place: Place | None) -> Counters:
    if place is not None:
        try:
            place.prepare()
        except OSError:
            place = None
    return Counters(place)


class _Server(uvicorn.Server):
    """Uvicorn, but for what a second signal does.

    A Ctrl-C reaches parent and child, and the parent tells the child too. Uvicorn would then leave at once, before the
    batch that is being committed is answered, and raise what ended it.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Finish what is under way, then end."""
        del sig, frame
        self.should_exit = True
