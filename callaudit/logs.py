"""What the program says while it runs: structured lines for machines on stderr, sentences for people."""

import sys

import structlog


def configure() -> None:
    """Write structured logs as JSON lines to stderr; a request's body or headers are never in them."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def say(sentence: str) -> None:
    """Tell a person at the terminal."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201  this is the terminal's output
