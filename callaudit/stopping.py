"""When to stop: SIGINT and SIGTERM as an event to wait on, and a parent that is gone as a SIGTERM."""

import os
import signal
import threading
from types import FrameType


def on_signals() -> threading.Event:
    """Give an event that is set when this process is told to stop."""
    stop = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, told)
    signal.signal(signal.SIGTERM, told)
    return stop


def with_parent() -> None:
    """Make the end of the parent, even by SIGKILL, a SIGTERM here: it holds the other end of standard input."""

    def wait() -> None:
        while os.read(0, 4_096):  # unlike sys.stdin, holds no lock that the interpreter's end would wait for
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="wait for the parent's end", daemon=True).start()
