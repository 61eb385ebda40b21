"""SIGINT and SIGTERM as an event to wait on: what is under way is finished first."""

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
