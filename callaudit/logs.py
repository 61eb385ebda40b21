"""What the program says while it runs: one JSON line an event for machines, sentences for people; both on stderr.

A request's body or headers are never in either, nor a message that was made of them: of an exception only its type
and where it came from are told, also where a library logs it.
"""

import logging
import sys
import threading
import traceback
from types import TracebackType

import structlog

_log: structlog.stdlib.BoundLogger = structlog.get_logger()

_EVENT_CHARACTERS_MAX = 200


def configure() -> None:
    """Write structured logs as JSON lines to stderr, each in one write: processes that share it do not mix theirs."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    logging.basicConfig(handlers=[_FromLibraries(logging.WARNING)], force=True)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # its warnings are a line for each request that is none
    threading.excepthook = _thread_died


def say(sentence: str) -> None:
    """Tell a person at the terminal."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201  this is the terminal's output


class _FromLibraries(logging.Handler):
    """Passes on what libraries log: the template without what was to be put into it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        event = str(record.msg).strip().partition("\n")[0][:_EVENT_CHARACTERS_MAX]
        _, error, trace = record.exc_info or (None, None, None)
        say = _log.error if record.levelno >= logging.ERROR else _log.warning
        say(event, logger=record.name, **_told(error, trace))


def _thread_died(died: threading.ExceptHookArgs) -> None:
    name = None if died.thread is None else died.thread.name
    _log.error("thread_died", thread=name, **_told(died.exc_value, died.exc_traceback))


def _told(error: BaseException | None, trace: TracebackType | None) -> dict[str, object]:
    if error is None:
        return {}
    frames = traceback.extract_tb(trace)
    return {"error": type(error).__name__, "at": [f"{each.filename}:{each.lineno} {each.name}" for each in frames]}
