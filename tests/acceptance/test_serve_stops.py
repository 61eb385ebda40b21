"""How ``serve`` ends when it is told more than once, as a Ctrl-C in a terminal does."""

import os
import signal
from pathlib import Path

from tests.acceptance import server
from tests.conftest import Database


def test_serve_finishes_what_is_under_way_however_often_it_is_told(database: Database, tmp_path: Path) -> None:
    """SIGTERM and two SIGINTs at once end it with 0, and with nothing said but where it listened."""
    with server.serving(database, tmp_path) as site:
        assert site.post(server.webhook(1)).status_code == 200
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGINT):
            os.kill(site.process.pid, number)
        assert site.process.wait(server.DEADLINE_SECONDS) == 0

    assert site.said == [f"listening on {site.url}"]
