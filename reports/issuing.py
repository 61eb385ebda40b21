"""Issue a report so that it can be run again: at one position of the log and one instant, with its evidence.

Live where the read models are settled, else folded from the log, which comes to the same and takes longer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from calls import instants
from calls.instants import Instant
from projections.pool import PROCESSES_DEFAULT, Progress
from reports import as_of, calendar, engines, evidence, runs, settled
from reports.as_of import AsOf
from reports.calendar import Period
from reports.runs import Run
from store import heartbeats, read


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a report; see ``reports.execute``."""

    name: str
    from_: date | str
    to: date | str
    zone: str = "UTC"
    by: str | tuple[str, ...] | None = None

    @property
    def period(self) -> Period:
        """Give the period. Raises PeriodRefused."""
        return calendar.period(self.from_, self.to, self.zone)

    def check(self) -> None:
        """Raise ReportRefused for what no engine could answer."""
        runs.question_of(self.name, from_=self.from_, to=self.to, zone=self.zone, by=self.by)

    def of(self, engine: engines.Engine, known: Mapping[str, Any]) -> Run:
        """Ask an engine, with what is known of its evidence. Raises ReportRefused."""
        return runs.execute(self.name, engine, from_=self.from_, to=self.to, zone=self.zone, by=self.by, evidence=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """How the log is read: by a URL with the right to, and a clock. ``say`` hears, in a sentence, what takes long."""

    url: str
    now: Callable[[], Instant]
    processes: int = PROCESSES_DEFAULT
    progress: Progress | None = None
    say: Callable[[str], object] = lambda _: None


def live(asked: Asked, facts_url: str, log: Log, wait_seconds: float = settled.WAIT_SECONDS) -> Run:
    """Run a report as of now. Raises ReportRefused, AsOfFailed."""
    with (
        psycopg.connect(facts_url, autocommit=True) as facts,
        psycopg.connect(log.url, autocommit=True) as connection,
    ):
        engine = engines.Postgres(facts)
        settled.wait(engine, lambda: _heard(connection, log), wait_seconds, lambda _: log.say(WAITING))
        heard = _heard(connection, log)
        with engine.snapshot():
            when = settled.as_of(engine.standing(), heard)
            if when is not None:
                return asked.of(engine, evidence.gather(connection, when, asked.period))
        head = AsOf(read.head(connection) + 1, heard)
    log.say(FOLDING)
    return then(asked, head, log)


def at(asked: Asked, when: AsOf, facts_url: str, log: Log, known: Mapping[str, Any] | None) -> Run:
    """Run a report as of a position and an instant: live where the read models stand just there, else folded.

    ``known``: evidence, where it is not to be gathered now. Raises ReportRefused, AsOfFailed.
    """
    with psycopg.connect(facts_url, autocommit=True) as facts:
        engine = engines.Postgres(facts)
        settled.wait(engine, lambda: when.instant, settled.WAIT_SECONDS, lambda _: log.say(WAITING))
        with engine.snapshot():
            if known is not None and settled.as_of(engine.standing(), when.instant) == when:
                return asked.of(engine, known)
    return then(asked, when, log, known)


WAITING = "waiting for the worker to fold what has just come in"
FOLDING = "the worker is not done yet: the log itself is folded instead, which takes longer"


def then(asked: Asked, when: AsOf, log: Log, known: Mapping[str, Any] | None = None) -> Run:
    """Run a report as of a position and an instant. ``known``: evidence, where it is not to be gathered now.

    A session that cannot be folded is said, and counted in the header. Raises ReportRefused, AsOfFailed.
    """
    gathered = known
    if gathered is None:
        with psycopg.connect(log.url, autocommit=True) as connection:
            gathered = evidence.gather(connection, when, asked.period)
    left_out: list[str] = []

    def unfolded(session: str, error: str) -> None:
        left_out.append(session)
        log.say(f"session {session} cannot be folded ({error}): its calls are in no figure")

    with as_of.folded(log.url, when, processes=log.processes, progress=log.progress, unfolded=unfolded) as engine:
        return asked.of(engine, gathered if known is not None else evidence.without(gathered, left_out))


def resolved(asked: str, log: Log) -> AsOf:
    """Read what ``--as-of`` says. Raises AsOfRefused."""
    with psycopg.connect(log.url, autocommit=True) as connection:
        return as_of.resolve(connection, asked, log.now())


def _heard(connection: psycopg.Connection[Any], log: Log) -> Instant:
    return instants.from_datetime(heartbeats.heard_until(connection, instants.to_datetime(log.now())))
