"""What a process does beside its main work: in a thread that lasts as long as a block."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

STOP_SECONDS = 10.0
"""How long a process that stops waits for what is under way; what takes longer is cut off with it."""


@contextmanager
def running(name: str, stop: threading.Event, run: Callable[..., None], *given: object) -> Generator[None]:
    """Run a function in a thread during the block; ``stop`` is set at its end, and the function must heed it."""
    thread = threading.Thread(target=run, args=given, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_SECONDS)
