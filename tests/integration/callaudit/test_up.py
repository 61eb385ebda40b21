"""Processes that are kept running, on a machine that cannot always start one."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callaudit import up
from tests.acceptance.home import until


def test_process_that_cannot_be_started_again_is_tried_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is out of memory or of process numbers for a while does not end the keeping."""
    monkeypatch.setattr(up, "RESTART_SECONDS", 0.05)
    interpreter = tmp_path / "python"
    interpreter.write_text("#!/bin/sh\nexec sleep 100\n")
    interpreter.chmod(0o700)
    monkeypatch.setattr(up.sys, "executable", str(interpreter))
    deaths: list[int] = []
    process = up.Process(["serve"], died=lambda: deaths.append(1))
    with capture_logs() as logged, up.kept_running([process]):
        first = process.running
        assert first is not None
        interpreter.rename(tmp_path / "away")
        first.kill()
        until(lambda: len([line for line in logged if line["event"] == "process_not_started"]) > 1)
        (tmp_path / "away").rename(interpreter)
        until(lambda: process.running not in {None, first})
    assert deaths == [1]
    assert {line["event"] for line in logged} == {"process_died", "process_not_started"}
    assert {line.get("error") for line in logged} == {None, "FileNotFoundError"}
