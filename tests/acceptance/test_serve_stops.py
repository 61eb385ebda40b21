"""How ``serve`` ends when it is told more than once, as a Ctrl-C in a terminal does."""

import contextlib
import signal
import subprocess
from pathlib import Path

from tests.acceptance import server
from tests.conftest import Database


def test_serve_finishes_what_is_under_way_however_often_it_is_told(database: Database, tmp_path: Path) -> None:
    """A SIGINT soon after a SIGTERM changes nothing: it ends with 0, and complains of nothing."""
    with server.serving(database, tmp_path) as site:
        assert site.post(server.webhook(1)).status_code == 200
        site.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            site.process.wait(0.02)  # it is told again while it ends
        site.process.send_signal(signal.SIGINT)
        assert site.process.wait(server.DEADLINE_SECONDS) == 0

    assert site.said[0] == f"listening on {site.url}"
    assert server.complaints(site.said) == []
