"""What the program logs: one JSON object a line, and nothing that was sent to it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PROGRAM = """
import logging, threading, structlog
from callaudit import logs
logs.configure()
structlog.get_logger().warning("database_lost", error="OperationalError", note="two\\nlines")
log = logging.getLogger("some.library")
log.info("nothing of interest")
log.error("could not read %s\\nmore", "hunter2")
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
try:
    raise ValueError("hunter2")
except ValueError:
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application\\n")
def fail():
    raise LookupError("hunter2")
thread = threading.Thread(target=fail, name="tend the log")
thread.start()
thread.join()
logs.say("a sentence")
"""


def _said() -> list[str]:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stdout == ""
    return ended.stderr.splitlines()


def _stripped(event: dict[str, Any]) -> dict[str, Any]:
    assert event.pop("timestamp").endswith("Z")
    return {name: value for name, value in event.items() if name != "at"}


def test_each_event_is_one_line_without_what_was_sent() -> None:
    """Ours, a library's and a thread's; of an exception its type and place, not its message."""
    *lines, sentence = _said()
    events = [json.loads(line) for line in lines]
    assert sentence == "a sentence"
    assert not any("hunter2" in line for line in lines)
    assert [_stripped(event) for event in events] == [
        {"event": "database_lost", "level": "warning", "error": "OperationalError", "note": "two\nlines"},
        {"event": "could not read %s", "level": "error", "logger": "some.library"},
        {
            "event": "Exception in ASGI application",
            "level": "error",
            "logger": "uvicorn.error",
            "error": "ValueError",
        },
        {"event": "thread_died", "level": "error", "thread": "tend the log", "error": "LookupError"},
    ]
    assert all("<module>" in event["at"][-1] for event in events if event.get("error") == "ValueError")
