"""One run of a report: ask an engine, finish the answer, keep with it what it was asked and as of when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import psycopg

from reports import calendar, columns, engines, headers, question, registry
from reports.columns import Column
from reports.engines import Answer, Engine
from reports.question import Question
from reports.registry import Report

_TAG_SETS = "SELECT DISTINCT tags FROM facts.call_legs UNION SELECT DISTINCT tags FROM facts.coverage"


@dataclass(frozen=True, slots=True)
class Run:
    """A report's answer. Every event before log ``position`` is in it; None: the engine was given none.

    ``as_of_us`` is the instant as of which calls were judged, None where nobody says. ``header`` is what stands above
    the figures, in JSON's types. ``trend`` has the same columns by week over the 13 weeks up to the period's end; only
    of a report that has one.
    """

    name: str
    question: Question
    position: int | None
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    as_of_us: int | None = None
    header: Mapping[str, Any] = field(default_factory=dict[str, Any])
    trend: pd.DataFrame | None = None

    @property
    def note(self) -> str | None:
        """What to tell people where the report has no row at all, if there is more to say than that."""
        return registry.find(self.name).nothing if self.frame.empty else None

    def shown(self) -> pd.DataFrame:
        """Give the figures as text for people: percentages rounded honestly, blanks for what is unknown."""
        return columns.shown(self.frame, self.columns)


def execute(  # noqa: PLR0913 - a report's whole question, by keyword
    name: str,
    source: Engine | psycopg.Connection[Any] | str,
    *,
    from_: Any,
    to: Any,
    zone: str = "UTC",
    by: str | Iterable[str] | None = None,
    evidence: Mapping[str, Any] | None = None,
    with_trend: bool = True,
) -> Run:
    """Run a report over ``[from_, to)``, local dates in ``zone``. Raises ReportRefused.

    ``source`` is a Postgres URL, an idle connection, or an engine. ``by`` is ``total`` or any of ``day``, ``week``,
    ``connection``, ``number`` and ``tag:NAME``; None is what the report usually gives. ``evidence`` goes into the
    header as it is: tree_root, as_of, policies, verification, completeness. The trend takes as long as the report.
    """
    report, asked = question_of(name, from_=from_, to=to, zone=zone, by=by)
    with engines.opened(source) as engine, engine.snapshot():
        answer = _read(engine, report, asked)
        trend = _trend(engine, report, asked) if with_trend and report.has_trend else None
    header = headers.make(name, asked, answer.position, evidence or {})
    shown = _shown(report, asked)
    frame = _finished(report, asked, answer)
    return Run(name, asked, answer.position, shown, frame, headers.as_of_us(header), header, trend)


def question_of(
    name: str, *, from_: Any, to: Any, zone: str, by: str | Iterable[str] | None
) -> tuple[Report, Question]:
    """Give what is asked of which report, before anything is opened. Raises ReportRefused."""
    report = registry.find(name)
    names = question.breakdown(report.by_default if by is None else by, report.breakdowns)
    return report, Question(calendar.period(from_, to, zone), names)


def _trend(engine: Engine, report: Report, asked: Question) -> pd.DataFrame:
    weeks = asked.trend()
    return _finished(report, weeks, _read(engine, report, weeks))


def _read(engine: Engine, report: Report, asked: Question) -> Answer:
    tag_sets = engine.read(_TAG_SETS, {}).frame["tags"].dropna().tolist() if asked.tag is not None else ()
    return engine.read(report.sql, asked.frames(tag_sets))


def _finished(report: Report, asked: Question, answer: Answer) -> pd.DataFrame:
    return columns.declared(report.finish(question.keyed(answer.frame), asked), _shown(report, asked))


def _shown(report: Report, asked: Question) -> tuple[Column, ...]:
    keys = {question.KEYS[kind] for kind in report.breakdowns}
    return tuple(c for c in report.columns if c.name not in keys or c.name in asked.columns)
