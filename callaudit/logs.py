"""What the program says while it runs: structured lines for machines on stderr, sentences for people."""

import logging
import sys

import structlog


def configure() -> None:
    """Write structured logs as JSON lines to stderr; a request's body or headers are never in them.

    Libraries log through the same: of an exception its type alone is told, for its text may repeat what it choked on.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)


class _Libraries(logging.Handler):
    """Tells what libraries log, in one line each, without the text of exceptions."""

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage().strip().partition("\n")[0]
        error = record.exc_info[0] if record.exc_info else None
        details = {} if error is None else {"error": error.__name__}
        structlog.get_logger().log(record.levelno, said, logger=record.name, **details)


def say(sentence: str) -> None:
    """Tell a person at the terminal."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201  this is the terminal's output
